//! The Durable Objects of 1.0.0, which stored one database per invoice and one per public id. They
//! only hand over to the ledger. While a deployment rolls out, they pass the calls of the Worker of
//! 1.0.0 on to the ledger. They are removed with 2.0.0.
#![allow(missing_docs)] // `durable_object` writes public methods without any.

use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Error, Headers, Method, Request, Response, Result, ScheduledTime, State,
    Storage, durable_object,
};

use super::client::{self, LedgerError, OUTCOME};
use super::messages::{
    Call, Delivery, EventKey, EventView, Export, ExportedEvent, ExportedRow, FailedAttempt,
    OutboxView,
};
use super::object_sql::ObjectSql;
use super::sql::{Binding, Row, Sql, SqlError};
use crate::invoice::{Outcome, Status};
use crate::worker::platform::{alarm_date, config, log, now_ms, objects};
use crate::worker::schedule;

/// The path of a delivery in 1.0.0.
const APPLY: &str = "/apply";
/// The path by which 1.0.0 stored a public id.
const PUT: &str = "/put";

/// The calls of the ledger to an object of 1.0.0, and the calls of 1.0.0's own Worker and consumer.
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
enum InvoiceCall {
    /// Returns everything that the object holds as `Option<Export>`. Returns `None` if it holds
    /// nothing or nothing any more.
    Export,
    /// The ledger has stored the invoice: from now on the object holds nothing.
    Moved,
    /// Hands over now. Returns [`HandOver`].
    HandOver,
    /// The calls of 1.0.0: this one and those after it.
    Read,
    Claim {
        event_id: String,
    },
    Confirm {
        event_id: String,
    },
    Failed {
        event_id: String,
    },
    #[serde(rename = "bury")]
    DeadLetter {
        event_id: String,
    },
    Replay {
        event_id: String,
    },
}

/// The result of a request to hand over.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum HandOver {
    /// The ledger has stored the invoice.
    Moved,
    /// The object held nothing, or nothing any more.
    Empty,
}

/// Returns whether 1.0.0 may have stored invoices of this merchant.
pub fn may_hold(env: &Env, merchant: &str) -> bool {
    merchant.is_empty() && config::is_bound(env, config::INVOICES)
}

/// Returns what the object of an invoice holds.
///
/// # Errors
/// Returns an error if the object cannot be reached or still runs 1.0.0.
pub async fn export(env: &Env, invoice_id: &str) -> Result<Option<Export>> {
    if !may_hold(env, "") {
        return Ok(None);
    }
    objects::call(env, config::INVOICES, invoice_id, &InvoiceCall::Export).await
}

/// Tells the object of an invoice that the ledger has stored the invoice.
///
/// # Errors
/// Returns the same errors as [`export`].
pub async fn moved(env: &Env, invoice_id: &str) -> Result<()> {
    objects::call(env, config::INVOICES, invoice_id, &InvoiceCall::Moved).await
}

/// Tells the object with this id, as Cloudflare lists it, to hand over.
///
/// # Errors
/// Returns an error if there is no such id, or the object cannot be reached.
pub async fn hand_over(env: &Env, object_id: &str) -> Result<HandOver> {
    let namespace = env.durable_object(config::INVOICES)?;
    let stub = namespace.id_from_string(object_id)?.get_stub()?;
    objects::result_of(objects::ask(&stub, &InvoiceCall::HandOver).await?).await
}

/// Returns the merchant-side id that 1.0.0 stored for a public id.
///
/// # Errors
/// Returns an error if the object cannot be reached.
pub async fn invoice_of(env: &Env, public_invoice_id: &str) -> Result<Option<String>> {
    if !config::is_bound(env, config::INVOICE_INDEX) {
        return Ok(None);
    }
    objects::call(
        env,
        config::INVOICE_INDEX,
        public_invoice_id,
        &IndexCall::Get,
    )
    .await
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Self::RustError(error.to_string())
    }
}

fn refused(error: SqlError) -> Error {
    Error::RustError(error.to_string())
}

fn has_table(sql: &ObjectSql, name: &str) -> Result<bool> {
    let found = sql.run(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
        &[name.into()],
    );
    Ok(!found.map_err(refused)?.is_empty())
}

/// The Durable Object in which 1.0.0 stored one invoice, named by `invoice_id`.
#[durable_object(alarm)]
pub struct GwopInvoice {
    sql: ObjectSql,
    storage: Storage,
    name: Option<String>,
    env: Env,
}

impl DurableObject for GwopInvoice {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        Self {
            sql: ObjectSql::of(&storage),
            storage,
            name: state.id().name(),
            env,
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if request.path() == APPLY {
            if request.method() == Method::Get {
                // After this response, 1.0.0 sends the whole delivery.
                return Response::error("the ledger is asked with the whole delivery", 404);
            }
            let text = request.text().await?;
            return match self.pass_on(&text).await {
                Ok(outcome) => {
                    let headers = Headers::new();
                    headers.set(OUTCOME, outcome.as_str())?;
                    Ok(Response::empty()?.with_status(200).with_headers(headers))
                }
                Err(error) => Response::error(error.to_string(), 500),
            };
        }
        let text = request.text().await?;
        let Ok(call) = serde_json::from_str(&text) else {
            return Response::error("this version of the object does not know the call", 400);
        };
        match self.respond(call).await {
            Ok(response) => Ok(response),
            Err(error) => Response::error(error.to_string(), 500),
        }
    }

    /// Runs an alarm that 1.0.0 set. It never throws, so that the platform never gives up on it.
    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = self.hand_over().await {
            log::error("hand_over_failed", &[("error", error.to_string().into())]);
            let again = now_ms().saturating_add(schedule::HAND_OVER_AGAIN_MS);
            let time = ScheduledTime::new(alarm_date(again));
            if let Err(error) = self.storage.set_alarm(time).await {
                log::error("alarm_lost", &[("error", error.to_string().into())]);
            }
        }
        Response::empty()
    }
}

impl GwopInvoice {
    /// Passes on a delivery of 1.0.0's Worker: one line of JSON, then the event.
    async fn pass_on(&self, text: &str) -> Result<Outcome> {
        let (head, body) = text
            .split_once('\n')
            .ok_or_else(|| Error::RustError("the delivery holds no event".to_owned()))?;
        let mut delivery: Delivery = serde_json::from_str(head)?;
        body.clone_into(&mut delivery.body);
        Ok(client::apply(&self.env, &delivery).await?)
    }

    async fn respond(&self, call: InvoiceCall) -> Result<Response> {
        let event = |event_id| -> Result<EventKey> {
            Ok(EventKey {
                invoice_id: self.invoice_id()?,
                event_id,
            })
        };
        let call = match call {
            InvoiceCall::Export => return Response::from_json(&self.export()?),
            InvoiceCall::Moved => {
                self.mark_moved()?;
                self.storage.delete_alarm().await?;
                return Response::from_json(&());
            }
            InvoiceCall::HandOver => return Response::from_json(&self.hand_over().await?),
            InvoiceCall::Read => Call::Read {
                invoice_id: self.invoice_id()?,
            },
            InvoiceCall::Claim { event_id } => Call::Claim(event(event_id)?),
            InvoiceCall::Confirm { event_id } => Call::Confirm(event(event_id)?),
            InvoiceCall::Failed { event_id } => Call::Failed(FailedAttempt {
                event: event(event_id)?,
                response: None,
            }),
            InvoiceCall::DeadLetter { event_id } => Call::DeadLetter(event(event_id)?),
            InvoiceCall::Replay { event_id } => Call::Replay(event(event_id)?),
        };
        let invoice_id = self.invoice_id()?;
        let result: serde_json::Value = client::call(&self.env, "", &invoice_id, call).await?;
        Response::from_json(&result)
    }

    fn first(&self, statement: &str) -> Result<Option<Row>> {
        let rows = self.sql.run(statement, &[]).map_err(refused)?;
        Ok(rows.into_iter().next())
    }

    /// Returns the merchant-side id from storage, because an alarm starts the object without its
    /// name.
    fn invoice_id(&self) -> Result<String> {
        if has_table(&self.sql, "invoice")?
            && let Some(mut row) = self.first("SELECT invoice_id FROM invoice")?
        {
            return row.required(0).map_err(refused);
        }
        self.name
            .clone()
            .ok_or_else(|| Error::RustError("the object knows no invoice".to_owned()))
    }

    async fn hand_over(&self) -> Result<HandOver> {
        if self.export()?.is_none() {
            return Ok(HandOver::Empty);
        }
        let invoice_id = self.invoice_id()?;
        let call = Call::Adopt {
            invoice_id: invoice_id.clone(),
        };
        let adopted: bool = client::call(&self.env, "", &invoice_id, call).await?;
        if !adopted {
            return Err(Error::RustError(
                "the ledger did not take the invoice over: is GWOP_INVOICES bound?".to_owned(),
            ));
        }
        Ok(HandOver::Moved)
    }

    fn export(&self) -> Result<Option<Export>> {
        if !has_table(&self.sql, "invoice")? || has_table(&self.sql, "moved")? {
            return Ok(None);
        }
        let row = self.first(
            "SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice",
        )?;
        row.map(|row| self.export_of(row))
            .transpose()
            .map_err(refused)
    }

    fn export_of(&self, mut row: Row) -> std::result::Result<Export, SqlError> {
        let unknown = || SqlError("the object of 1.0.0 holds a value that is not known".to_owned());
        let mut events = vec![];
        for mut event in self.sql.run(
            "SELECT event_id, event_type, event_version, outcome, received_at, delivered_at, body FROM event ORDER BY rowid",
            &[],
        )? {
            events.push(ExportedEvent {
                view: EventView {
                    event_id: event.required(0)?,
                    event_type: event.required(1)?,
                    event_version: event.integer(2)?,
                    outcome: Outcome::parse(&event.required(3)?).ok_or_else(unknown)?,
                    received_at: event.number(4)?,
                    delivered_at: event.integer(5)?,
                },
                body: event.required(6)?,
            });
        }
        let mut outbox = vec![];
        for mut row in self.sql.run(
            "SELECT event_id, state, sends, deliveries, due_at, failures FROM outbox ORDER BY rowid",
            &[],
        )? {
            outbox.push(ExportedRow {
                view: OutboxView {
                    event_id: row.required(0)?,
                    state: row.required(1)?,
                    sends: row.number(2)?,
                    deliveries: row.number(3)?,
                    due_at: row.number(4)?,
                    last_response: None,
                },
                failures: row.number(5)?,
            });
        }
        Ok(Export {
            invoice_id: row.required(0)?,
            public_invoice_id: row.text(1)?,
            status: Status::parse(&row.required(2)?).ok_or_else(unknown)?,
            version: row.integer(3)?,
            transaction: row.text(4)?,
            events,
            outbox,
        })
    }

    /// Marks the object as handed over: it then holds nothing for the ledger. Its row stays as a
    /// trace, without bodies.
    fn mark_moved(&self) -> Result<()> {
        if !has_table(&self.sql, "invoice")? {
            return Ok(());
        }
        let now: [Binding<'_>; 1] = [now_ms().into()];
        let marked = self.sql.transaction(|| {
            self.sql.run(
                "CREATE TABLE IF NOT EXISTS moved (moved_at INTEGER NOT NULL)",
                &[],
            )?;
            self.sql
                .run("INSERT INTO moved (moved_at) VALUES (?1)", &now)?;
            self.sql.run("DELETE FROM outbox", &[])?;
            self.sql.run("DELETE FROM event", &[])?;
            Ok(())
        });
        marked.map_err(refused)
    }
}

/// The calls to the object of a public id.
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
enum IndexCall {
    /// Returns the merchant-side id as `Option<String>`. Writes nothing.
    Get,
}

/// The Durable Object in which 1.0.0 stored the invoice of one public id, named by
/// `public_invoice_id`. The ledger has an index of its own.
#[durable_object(fetch)]
pub struct GwopInvoiceIndex {
    sql: ObjectSql,
}

impl DurableObject for GwopInvoiceIndex {
    fn new(state: State, _env: Env) -> Self {
        Self {
            sql: ObjectSql::of(&state.storage()),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if request.path() == PUT {
            // 1.0.0's Worker sends this while a deployment rolls out. The delivery itself is in the
            // ledger, with its public id.
            return Response::empty().map(|response| response.with_status(200));
        }
        let text = request.text().await?;
        if serde_json::from_str::<IndexCall>(&text).is_err() {
            return Response::error("this version of the object does not know the call", 400);
        }
        objects::respond(self.get())
    }
}

impl GwopInvoiceIndex {
    fn get(&self) -> Result<Option<String>> {
        if !has_table(&self.sql, "entry")? {
            return Ok(None);
        }
        let rows = self
            .sql
            .run("SELECT invoice_id FROM entry", &[])
            .map_err(refused)?;
        let row = rows.into_iter().next();
        row.map(|mut row| row.required(0).map_err(refused))
            .transpose()
    }
}
