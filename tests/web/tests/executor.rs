//! The executor of asynchronous exports: what a caller relies on if a future panics or never ends.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::cell::Cell;
use std::rc::Rc;

use gwop::web::executor::future_to_promise;
use js_sys::{Error, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// A promise that the test settles.
fn deferred() -> (Promise, Function) {
    let mut settle = None;
    let promise = Promise::new(&mut |resolve, _| settle = Some(resolve));
    (promise, settle.unwrap())
}

async fn turn() -> JsValue {
    JsFuture::from(Promise::resolve(&JsValue::NULL))
        .await
        .unwrap()
}

/// Returns the name of the error with which the promise rejects.
async fn rejection(promise: Promise) -> String {
    let reason = JsFuture::from(promise).await.unwrap_err();
    reason.unchecked_into::<Error>().name().into()
}

#[wasm_bindgen_test]
async fn a_future_runs_at_once_as_far_as_it_comes() {
    let (gate, open) = deferred();
    let steps = Rc::new(Cell::new(0));
    let counted = Rc::clone(&steps);
    let promise = future_to_promise(async move {
        counted.set(1);
        JsFuture::from(gate).await?;
        counted.set(2);
        Ok(JsValue::from(7))
    });
    assert_eq!(steps.get(), 1);
    open.call0(&JsValue::NULL).unwrap();
    assert_eq!(JsFuture::from(promise).await.unwrap(), 7);
    assert_eq!(steps.get(), 2);
}

#[wasm_bindgen_test]
async fn an_error_rejects_with_the_very_value() {
    let reason: JsValue = Error::new("no").into();
    let thrown = reason.clone();
    let promise = future_to_promise(async move { Err(thrown) });
    assert_eq!(JsFuture::from(promise).await.unwrap_err(), reason);
}

#[wasm_bindgen_test]
async fn a_panic_rejects_its_own_promise_and_no_other() {
    let (gate, open) = deferred();
    let other = future_to_promise(async move { JsFuture::from(gate).await });
    let before = future_to_promise(async { panic!("before any await") });
    let after = future_to_promise(async {
        turn().await;
        panic!("after an await")
    });
    assert_eq!(rejection(before).await, "RuntimeError");
    assert_eq!(rejection(after).await, "RuntimeError");
    open.call1(&JsValue::NULL, &JsValue::from(1)).unwrap();
    assert_eq!(JsFuture::from(other).await.unwrap(), 1);
    // A future that begins afterwards runs like any other.
    let later = future_to_promise(async { Ok(turn().await) });
    assert!(JsFuture::from(later).await.unwrap().is_null());
}

#[wasm_bindgen_test]
async fn thousands_of_panics_leave_room_for_the_next_future() {
    for _ in 0..5_000 {
        let promise = future_to_promise(async {
            turn().await;
            panic!("again")
        });
        assert_eq!(rejection(promise).await, "RuntimeError");
    }
    let later = future_to_promise(async { Ok(turn().await) });
    assert!(JsFuture::from(later).await.unwrap().is_null());
}

#[wasm_bindgen_test]
async fn a_future_that_never_ends_holds_up_nobody() {
    let (gate, _open) = deferred();
    let _never = future_to_promise(async move { JsFuture::from(gate).await });
    let promise = future_to_promise(async { Ok(turn().await) });
    assert!(JsFuture::from(promise).await.unwrap().is_null());
}
