//! The alarm of a shard: sends due events to the queue in batches, and deletes old rows.

use js_sys::Object;
use serde::Serialize;
use wasm_bindgen::JsValue;
use worker::{BatchMessageBuilder, QueueContentType, RawMessageBuilder};

use super::client::{self, LedgerError};
use super::messages::{Call, QueueMessage, VERSION};
use super::object::GwopLedger;
use super::sql::Sql as _;
use super::store::Due;
use crate::worker::alerting;
use crate::worker::platform::config::{self, Out};
use crate::worker::platform::now_ms;
use crate::worker::schedule;

/// The maximum number of messages in one batch of the queue.
const BATCH: usize = 100;
/// The maximum number of batches that one alarm sends. If there are more, the next alarm follows at
/// once.
const BATCHES_PER_ALARM: usize = 10;

impl GwopLedger {
    /// Does the work that is due. Returns when the next work is due, in milliseconds since the
    /// epoch.
    pub(super) async fn run_due_jobs(&self) -> Result<Option<i64>, LedgerError> {
        let Some(settings) = self.settings()? else {
            // Shard 0 may have alerts before its first event.
            let has_tables = self.store.has_tables()?;
            return Ok(if has_tables {
                self.tell_of_alerts(0).await
            } else {
                None
            });
        };
        let times = self.times;
        let on = config::missing_for_fulfillment(&self.env()).is_empty();
        let mut more = false;
        self.batches.set(0);
        // The events that come back are due now.
        self.bring_back()?;
        if on {
            self.switched_off.set(0);
            for batch in 1..=BATCHES_PER_ALARM {
                let limit = i64::try_from(BATCH).unwrap_or(1);
                let rows = self.store.due(now_ms(), limit)?;
                if rows.is_empty() {
                    break;
                }
                more = batch == BATCHES_PER_ALARM && rows.len() == BATCH;
                self.batches.set(self.batches.get().saturating_add(1));
                let sent = self.send(&rows, settings.shards).await;
                #[cfg(feature = "worker-test")]
                self.panic_on_purpose(true);
                match sent {
                    Ok(()) => self.store.sent(&rows, now_ms(), times)?,
                    Err(error) => {
                        self.log_error(
                            "enqueue_failed",
                            &[
                                ("rows", rows.len().into()),
                                ("error", error.to_string().into()),
                            ],
                        );
                        self.store.refused(&rows, now_ms())?;
                        break;
                    }
                }
            }
        }
        let alert = self.tell_of_alerts(settings.shard).await;
        let compacted = self.store.compact(now_ms(), times)?;
        if compacted.events > 0 || compacted.invoices > 0 {
            self.forget();
        }
        if more || compacted.more {
            return Ok(Some(now_ms()));
        }
        let next = self.store.next_job(on)?;
        let next = match (next, alert) {
            (Some(next), Some(alert)) => Some(next.min(alert)),
            (next, alert) => next.or(alert),
        };
        if on {
            return Ok(next);
        }
        // The rows do not change. The first alarm after fulfillment is switched on sends them.
        let again = now_ms().saturating_add(schedule::switched_off_ms(self.switched_off.get()));
        self.switched_off
            .set(self.switched_off.get().saturating_add(1));
        Ok(Some(next.map_or(again, |next| next.min(again))))
    }

    /// Reports to shard 0 what this shard has noted, and sends the alerts of shard 0 that are due.
    /// Returns when the next work of this kind is due. Failures are logged and delay nothing else.
    async fn tell_of_alerts(&self, shard: u32) -> Option<i64> {
        let env = self.env();
        if alerting::is_uncertain(&env) {
            let waits = self.store.noted().is_ok_and(|noted| !noted.is_empty());
            let later = now_ms().saturating_add(if config::out(&env) == Some(Out::Unread) {
                schedule::ALARM_AGAIN_MS
            } else {
                schedule::ALERTS_AGAIN_MS
            });
            let next = self.next_alert().unwrap_or(Some(later));
            return next.or(waits.then_some(later));
        }
        if !alerting::is_on(&env) {
            return None;
        }
        let next = async {
            for (kind, count) in self.store.noted()? {
                if shard == 0 {
                    self.store.sql().transaction(|| {
                        self.store.raise(kind, count, now_ms())?;
                        self.store.note(kind, count.saturating_neg())
                    })?;
                } else {
                    // If the response is lost, the report is repeated: a count may be too high,
                    // never too low.
                    let call = Call::Raise { kind, count };
                    client::call_first::<()>(&self.env(), call).await?;
                    self.store.note(kind, count.saturating_neg())?;
                }
            }
            for alert in self.store.take_alerts(now_ms(), self.times)? {
                match alerting::send(&self.env(), &alert).await {
                    Ok(()) => self.store.alerted(&alert)?,
                    Err(reason) => self.log_error(
                        "alert_failed",
                        &[
                            ("kind", alert.kind.as_str().into()),
                            ("reason", reason.into()),
                        ],
                    ),
                }
            }
            Ok::<_, LedgerError>(self.store.next_alert(self.times)?)
        };
        match next.await {
            Ok(next) => next,
            Err(error) => {
                self.log_error("alerts_failed", &[("error", error.to_string().into())]);
                Some(now_ms().saturating_add(schedule::ALARM_AGAIN_MS))
            }
        }
    }

    /// Puts messages into the queue. If it fails, none of them is known to be there.
    async fn send(&self, rows: &[Due], shards: u32) -> worker::Result<()> {
        let mut batch = BatchMessageBuilder::new();
        for row in rows {
            let message = QueueMessage {
                v: VERSION,
                merchant: row.merchant.clone(),
                invoice_id: row.event.invoice_id.clone(),
                event_id: row.event.event_id.clone(),
                shards: Some(shards),
            };
            let message = RawMessageBuilder::new(json_object(&message)?);
            batch = batch.message(message.build_with_content_type(QueueContentType::Json));
        }
        config::fulfillment_queue(&self.env())?
            .send_raw_batch(batch.build())
            .await
    }
}

/// Converts a value to plain JavaScript, as `JSON.parse` would create it. `Queue::send` uses the
/// defaults of serde-wasm-bindgen, with which a map becomes a `Map` and arrives as `{}`.
fn json_object(value: &impl Serialize) -> worker::Result<JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let object = value
        .serialize(&serializer)
        .map_err(|error| worker::Error::RustError(error.to_string()))?;
    debug_assert!(Object::try_from(&object).is_some());
    Ok(object)
}
