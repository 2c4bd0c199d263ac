//! `platform.js`: what the Worker asks of the platform by one call each. At most one function may need no glue of wasm-bindgen's at all: each
//! such becomes an entry of its own, under the same name, in the list of what the wasm imports, and bundlers warn of that.
#![allow(unsafe_code)] // wasm-bindgen's generated glue.

use std::cell::RefCell;
use std::collections::BTreeMap;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use worker::Env;

#[wasm_bindgen(module = "/src/worker/platform.js")]
extern "C" {
    /// A promise that waits for [`settle`].
    pub type Deferred;
    /// Makes one.
    pub fn deferred() -> Deferred;
    /// The promise itself.
    #[wasm_bindgen(method, getter)]
    pub fn promise(this: &Deferred) -> Promise;
    /// Fulfils the promise, or rejects it.
    pub fn settle(deferred: &Deferred, fulfilled: bool, value: &JsValue);
    /// Calls `settled` with the number, whether the promise was fulfilled, and the value or reason.
    pub fn listen(promise: &Promise, number: u32, settled: &Closure<dyn Fn(u32, bool, JsValue)>);

    /// Method, URL and the headers of these names, one per line.
    pub fn head(request: &web_sys::Request, names: &Array) -> String;
    /// Method and URL, with a space between.
    pub fn target(request: &web_sys::Request) -> String;
    /// The value of a header of a `Request` or `Response`.
    pub fn header(of: &JsValue, name: &JsValue) -> Option<String>;
    /// The bytes of an `ArrayBuffer`.
    pub fn bytes(buffer: &JsValue) -> Vec<u8>;
    /// A property.
    #[wasm_bindgen(catch)]
    pub fn property(object: &JsValue, name: &JsValue) -> Result<JsValue, JsValue>;

    /// A `Response` with a copy of these headers and the request's id.
    #[wasm_bindgen(catch)]
    pub fn response(
        status: u16,
        body: Option<&str>,
        headers: &web_sys::Headers,
        request_id: &str,
    ) -> Result<web_sys::Response, JsValue>;
    /// A `Response` of status 200 with one header and no body.
    #[wasm_bindgen(catch)]
    pub fn marked(name: &JsValue, value: &JsValue) -> Result<web_sys::Response, JsValue>;

    /// Asks the Durable Object of a name: with a body by `POST`, without one by `GET`. `None` where the binding is none of Durable Objects.
    #[wasm_bindgen(catch)]
    pub fn ask(
        env: &Env,
        binding: &JsValue,
        name: &str,
        url: &str,
        body: Option<&str>,
    ) -> Result<Option<Promise>, JsValue>;

    /// Runs a statement; the bindings come as a JSON array, if there are any. All rows as JSON text, `None` where there are none.
    #[wasm_bindgen(catch)]
    pub fn rows(
        sql: &JsValue,
        statement: &JsValue,
        bindings: Option<&str>,
    ) -> Result<Option<String>, JsValue>;
    /// As [`rows`], of a statement that has none; a text may follow as its last binding, so that a long one need not become JSON.
    #[wasm_bindgen(catch)]
    pub fn run(
        sql: &JsValue,
        statement: &JsValue,
        bindings: Option<&str>,
        text: Option<&str>,
    ) -> Result<(), JsValue>;
    /// As [`rows`], but only whether there are any, with one binding.
    #[wasm_bindgen(catch)]
    pub fn exists(sql: &JsValue, statement: &JsValue, binding: &JsValue) -> Result<bool, JsValue>;
    /// Runs `work` in a transaction, which is undone where its promise is rejected.
    #[wasm_bindgen(catch)]
    pub fn transaction(
        storage: &JsValue,
        work: &Closure<dyn FnMut() -> Promise>,
    ) -> Result<Promise, JsValue>;
    /// Sets the object's alarm, in milliseconds since the epoch.
    #[wasm_bindgen(catch, js_name = setAlarm)]
    pub fn set_alarm(storage: &JsValue, milliseconds: f64) -> Result<Promise, JsValue>;
    /// When the object's alarm is due, in milliseconds since the epoch; `null` where none is set.
    #[wasm_bindgen(catch, js_name = getAlarm)]
    pub fn get_alarm(storage: &JsValue) -> Result<Promise, JsValue>;
    /// Deletes everything that the object has stored.
    #[wasm_bindgen(catch, js_name = deleteAll)]
    pub fn delete_all(storage: &JsValue) -> Result<Promise, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// `console.log`.
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub fn log(line: &str);
    /// `console.error`.
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub fn log_error(line: &str);
}

/// A constant text as a JavaScript string, which an isolate makes once: by its address, so that it is not read again.
pub fn constant(text: &'static str) -> &'static JsValue {
    thread_local! {
        static CONSTANTS: RefCell<BTreeMap<(*const u8, usize), &'static JsValue>> =
            const { RefCell::new(BTreeMap::new()) };
    }
    CONSTANTS.with_borrow_mut(|constants| {
        let made = constants.entry((text.as_ptr(), text.len()));
        // There are as many as the program has such constants.
        *made.or_insert_with(|| Box::leak(Box::new(JsValue::from_str(text))))
    })
}
