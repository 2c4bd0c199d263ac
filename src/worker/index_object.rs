//! The Durable Object of one public id: which invoice it belongs to.

use serde::{Deserialize, Serialize};
use worker::{Env, Error, Request, Response, Result};

use super::invoice_object::Delivery;
use super::objects::{self, answer, percent_encoded};
use super::storage::{NO_BINDINGS, Storage};
use super::{config, log};

/// The path that remembers the invoice whose merchant-side id is the query: any number of times. Answers 200 where the public id leads to it,
/// [`ANOTHER`] with the id that is remembered, the first one, where it does not.
const PUT: &str = "/put?";
/// The status of the answer where another invoice is remembered.
const ANOTHER: u16 = 409;

/// What else can be asked of the object.
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum IndexCall {
    /// Answers `Option<String>`: the merchant-side id. Writes nothing.
    Get,
    /// The next delivery's id is not remembered, but fails.
    #[cfg(feature = "worker-test")]
    FailNext,
}

/// The class that the platform makes and calls. `durable_object` would write it too, but with a future for every call: remembering an invoice
/// needs none.
#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod class {
    use std::rc::Rc;

    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;
    use worker::worker_sys::DurableObjectState;
    use worker::{Env, State};

    use super::super::{platform, promise};
    use super::IndexObject;

    /// The Durable Object of one public id, named by `public_invoice_id`.
    #[wasm_bindgen]
    #[derive(Debug)]
    pub struct GwopInvoiceIndex(Rc<IndexObject>);

    #[wasm_bindgen]
    impl GwopInvoiceIndex {
        /// Called by the platform when it starts the object.
        #[wasm_bindgen(constructor)]
        pub fn new(state: DurableObjectState, _env: Env) -> Self {
            Self(Rc::new(IndexObject::new(&State::from(state))))
        }

        /// Answers a call of this crate's: a `Response`, or a promise of one.
        ///
        /// # Errors
        /// Where the platform refuses to make a `Response`.
        pub fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
            let target = platform::target(&request);
            if let Some(answer) = self.0.answer_put(&target) {
                return Ok(answer?.into());
            }
            let object = Rc::clone(&self.0);
            let answer = async move {
                let answer = object.fetch(request.into()).await?;
                Ok(web_sys::Response::from(answer).into())
            };
            Ok(promise::of(answer).into())
        }
    }
}

pub use class::GwopInvoiceIndex;

struct IndexObject {
    storage: Storage,
    #[cfg(feature = "worker-test")]
    fail_next: std::cell::Cell<bool>,
}

impl std::fmt::Debug for IndexObject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IndexObject")
    }
}

/// Sees to it that the public id of a delivery leads to its invoice.
///
/// # Errors
/// Where the object cannot be reached or storage fails: the delivery must not be accepted.
pub async fn put(env: &Env, delivery: &Delivery) -> Result<()> {
    let Some(public_invoice_id) = &delivery.public_invoice_id else {
        return Ok(());
    };
    let invoice_id = &delivery.invoice_id;
    let path = [PUT, &percent_encoded(invoice_id)].concat();
    let answer = objects::ask(env, config::INVOICE_INDEX, public_invoice_id, &path, None).await?;
    if answer.status() != ANOTHER {
        objects::accepted(answer).await?;
        return Ok(());
    }
    let known = objects::text(&answer).await?;
    log::error(
        "index_contradiction",
        &[
            ("public_invoice_id", public_invoice_id.as_str().into()),
            ("invoice_id", invoice_id.as_str().into()),
            ("known", known.into()),
        ],
    );
    Ok(())
}

impl IndexObject {
    fn new(state: &worker::State) -> Self {
        Self {
            storage: Storage::of(state),
            #[cfg(feature = "worker-test")]
            fail_next: std::cell::Cell::new(false),
        }
    }

    /// The answer to a request whose method and URL are `target`, where it wants an invoice to be remembered.
    fn answer_put(&self, target: &str) -> Option<Result<web_sys::Response>> {
        let invoice_id = objects::query_of(target, PUT)?;
        Some(match self.put(&invoice_id) {
            Ok(None) => web_sys::Response::new().map_err(Error::from),
            Ok(Some(known)) => Response::error(known, ANOTHER).map(web_sys::Response::from),
            Err(error) => answer(Err::<(), _>(error)).map(web_sys::Response::from),
        })
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let call: IndexCall = serde_json::from_str(&request.text().await?)?;
        match call {
            IndexCall::Get => answer(self.get()),
            #[cfg(feature = "worker-test")]
            IndexCall::FailNext => {
                self.fail_next.set(true);
                answer(Ok(()))
            }
        }
    }

    /// The invoice that is remembered, if it is another one.
    fn put(&self, invoice_id: &str) -> Result<Option<String>> {
        #[cfg(feature = "worker-test")]
        if self.fail_next.take() {
            return Err(Error::RustError("a failure on purpose".to_owned()));
        }
        if let Some(known) = self.get()? {
            return Ok((known != invoice_id).then_some(known));
        }
        self.storage.run(
            // Where the statement after it failed, it is there.
            "CREATE TABLE IF NOT EXISTS entry (only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL)",
            &NO_BINDINGS,
        )?;
        self.storage
            .run("INSERT INTO entry VALUES (0, ?1)", &[invoice_id])?;
        Ok(None)
    }

    fn get(&self) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Row {
            invoice_id: String,
        }
        if !self.storage.has_table("entry")? {
            return Ok(None);
        }
        let row: Option<Row> = self
            .storage
            .row("SELECT invoice_id FROM entry", &NO_BINDINGS)?;
        Ok(row.map(|row| row.invoice_id))
    }
}
