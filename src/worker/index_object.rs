//! The Durable Object of one public id: which invoice it belongs to.
#![allow(missing_docs)] // `durable_object` writes public methods without any.

use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::invoice_object::Delivery;
use super::objects::{answer, has_table};
use super::{config, log, objects};

/// What can be asked of the object.
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum IndexCall {
    /// Remembers the invoice. Any number of times. Answers the invoice that is remembered: the first one.
    Put {
        /// The merchant-side id.
        invoice_id: String,
    },
    /// Answers `Option<String>`: the merchant-side id. Writes nothing.
    Get,
    /// The next [`IndexCall::Put`] fails.
    #[cfg(feature = "worker-test")]
    FailNext,
}

/// The Durable Object of one public id, named by `public_invoice_id`.
#[durable_object]
pub struct GwopInvoiceIndex {
    state: State,
    #[cfg(feature = "worker-test")]
    fail_next: std::cell::Cell<bool>,
}

impl DurableObject for GwopInvoiceIndex {
    fn new(state: State, _env: Env) -> Self {
        Self {
            state,
            #[cfg(feature = "worker-test")]
            fail_next: std::cell::Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let call: IndexCall = serde_json::from_str(&request.text().await?)?;
        match call {
            IndexCall::Put { invoice_id } => answer(self.put(&invoice_id)),
            IndexCall::Get => answer(self.get()),
            #[cfg(feature = "worker-test")]
            IndexCall::FailNext => {
                self.fail_next.set(true);
                answer(Ok(()))
            }
        }
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
    let put = IndexCall::Put {
        invoice_id: invoice_id.clone(),
    };
    let known: String = objects::call(env, config::INVOICE_INDEX, public_invoice_id, &put).await?;
    if known != *invoice_id {
        log::error(
            "index_contradiction",
            &[
                ("public_invoice_id", public_invoice_id.as_str().into()),
                ("invoice_id", invoice_id.as_str().into()),
                ("known", known.into()),
            ],
        );
    }
    Ok(())
}

impl GwopInvoiceIndex {
    fn put(&self, invoice_id: &str) -> Result<String> {
        #[cfg(feature = "worker-test")]
        if self.fail_next.take() {
            return Err(worker::Error::RustError("a failure on purpose".to_owned()));
        }
        if let Some(known) = self.get()? {
            return Ok(known);
        }
        let sql = self.state.storage().sql();
        sql.exec(
            "CREATE TABLE entry (only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL)",
            None,
        )?;
        sql.exec("INSERT INTO entry VALUES (0, ?1)", vec![invoice_id.into()])?;
        Ok(invoice_id.to_owned())
    }

    fn get(&self) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Row {
            invoice_id: String,
        }
        let sql = self.state.storage().sql();
        if !has_table(&sql, "entry")? {
            return Ok(None);
        }
        let row: Option<Row> = sql
            .exec("SELECT invoice_id FROM entry", None)?
            .to_array()?
            .pop();
        Ok(row.map(|row| row.invoice_id))
    }
}
