//! Counts in this isolate, and reports to shard 0 at most every 10 seconds, after the response.
//! When an isolate is evicted, its unreported counts are lost: the last 10 seconds, and the counts
//! of its last queue batches if no request came after them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use js_sys::Promise;
use js_sys::futures::future_to_promise;
use wasm_bindgen::JsValue;
use worker::{Delay, Env};

use super::ledger::client;
use super::ledger::messages::Call;
use super::ledger::operator_messages::Tally;
use super::platform::{config, log, now_ms};

/// A function for which `worker` 0.8.7 has no binding: `waitUntil` without the event's context,
/// which a merchant's own Worker may not have passed on.
#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod platform_context {
    use super::{JsValue, Promise};
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen(module = "cloudflare:workers")]
    extern "C" {
        #[wasm_bindgen(catch, js_name = waitUntil)]
        pub fn wait_until(promise: &Promise) -> Result<(), JsValue>;
    }
}

/// How long after its time a report counts as lost with the request that it belonged to, in
/// milliseconds.
const LOST_MS: i64 = 20_000;

/// The counts of one merchant, and when they are reported.
#[derive(Default)]
struct Counted {
    tally: Tally,
    /// When the pending report is due, in milliseconds since the epoch.
    due: Option<i64>,
    /// When the last report began, in milliseconds since the epoch.
    last: i64,
}

thread_local! {
    /// The counts by the merchant's key.
    static COUNTED: RefCell<BTreeMap<String, Counted>> = const { RefCell::new(BTreeMap::new()) };
}

/// Passes the counts of this environment's merchant to `work`.
fn with_counted<T>(env: &Env, work: impl FnOnce(&mut Counted) -> T) -> T {
    let merchant = config::merchant(env);
    COUNTED.with_borrow_mut(|counted| work(counted.entry(merchant).or_default()))
}

/// Counts something.
pub(super) fn count(env: &Env, work: impl FnOnce(&mut Tally)) {
    with_counted(env, |counted| work(&mut counted.tally));
}

/// Reports the counts to shard 0 after the response: now, or 10 seconds after the last report. Call
/// it at the end of a request.
pub(super) fn flush_later(env: &Env) {
    flush_within(env, config::flush_ms(env));
}

/// Does the same at the end of a batch of the queue, without waiting: the queue holds the next
/// batch back until then. If the last report is less than 10 seconds ago, the next request or batch
/// reports.
pub(super) fn flush_now(env: &Env) {
    flush_within(env, 0);
}

/// Reports the counts if the report is due within `patience` milliseconds.
fn flush_within(env: &Env, patience: i64) {
    let now = now_ms();
    let pause = config::flush_ms(env);
    let wait = with_counted(env, |counted| {
        if counted.tally.is_empty() {
            return None;
        }
        // Even if the clock is set back, no report is later than this.
        let waits = counted.due.is_some_and(|due| {
            (due.saturating_sub(pause)..due.saturating_add(LOST_MS)).contains(&now)
        });
        let due = counted.last.saturating_add(pause);
        let due = due.clamp(now, now.saturating_add(pause));
        let wait = due.saturating_sub(now);
        if waits || wait > patience {
            return None;
        }
        counted.due = Some(due);
        Some(wait)
    });
    let Some(wait) = wait else { return };
    let env = env.clone();
    let wait = u64::try_from(wait).unwrap_or_default();
    after_the_response(async move {
        if wait > 0 {
            Delay::from(Duration::from_millis(wait)).await;
        }
        flush(&env).await;
    });
}

async fn flush(env: &Env) {
    let tally = with_counted(env, |counted| {
        counted.due = None;
        counted.last = now_ms();
        std::mem::take(&mut counted.tally)
    });
    if let Err(error) = client::call_first::<()>(env, Call::Tally(tally.clone())).await {
        log::warning_of(
            env,
            "metrics_unflushed",
            &[("error", error.to_string().into())],
        );
        // The next report repeats it. If it was stored and only the response was lost, it counts
        // twice.
        with_counted(env, |counted| counted.tally.merge(tally));
    }
}

/// Runs `work` after the response of the request or the end of the batch, as the platform's
/// `waitUntil` does.
fn after_the_response(work: impl Future<Output = ()> + 'static) {
    let promise = future_to_promise(async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    });
    if platform_context::wait_until(&promise).is_err() {
        log::warning("wait_until_failed", &[]);
    }
}
