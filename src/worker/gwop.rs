//! Calls Gwop's operations from the Worker: the port's transport on the platform's `fetch`.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::{AbortController, Delay, Env, Fetch, Headers, Method, RequestInit, RequestRedirect};

use crate::client::{
    Bound, Call, Failure, Fault, FaultKind, Host, RESPONSE_BODY_BOUND, Refusal, RefusalCode,
    Request, Response, RetryCodes, RetryPolicy, operation, parse_retry_after,
};
use crate::drive::{Attempts, attempts};
use crate::model::{Decoded, Naming};
use crate::port::{Transport, random};

use super::platform::body::Chunks;
use super::platform::{config, now_ms};

/// The maximum time of one attempt, in milliseconds.
const ATTEMPT_MS: u64 = 10_000;

/// The statuses on which a call for an agent is repeated. 429 is not one of them: strangers could
/// otherwise multiply their requests with the merchant key.
const AGENT_RETRIES: [&str; 4] = ["500", "502", "503", "504"];

/// The longest `Retry-After` of Gwop that is passed on, in seconds.
const MAX_WAIT_SECONDS: i64 = 60;

/// The longest `Retry-After` of Gwop that reconciliation follows, in milliseconds: an hour.
const MAX_PATIENCE_MS: i64 = 60 * 60 * 1_000;

/// The platform's clock, randomness, HTTP and timers.
pub(super) struct Platform;

impl Transport for Platform {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    fn random(&self) -> Result<[u8; 16], Failure> {
        random()
    }

    async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let abort = AbortController::default();
        let signal = abort.signal();
        let attempt = pin!(async {
            let sent = platform_request(request).map_err(|_| Failure::InvalidRequest)?;
            let response = Fetch::Request(sent).send_with_signal(&signal).await;
            let response = response.map_err(|_| Failure::Connection)?;
            received(response).await
        });
        match select(attempt, Delay::from(Duration::from_millis(ATTEMPT_MS))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                abort.abort();
                Err(Failure::Timeout)
            }
        }
    }

    async fn sleep(&self, delay_ms: i64) -> Result<(), Failure> {
        Delay::from(Duration::from_millis(delay_ms.max(0).unsigned_abs())).await;
        Ok(())
    }
}

fn platform_request(request: &Request<'_>) -> worker::Result<worker::Request> {
    let headers = Headers::new();
    for (name, value) in request.headers() {
        if !value.is_empty() {
            headers.set(name, value)?;
        }
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(request.method.to_owned()))
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body((!request.body.is_empty()).then(|| JsValue::from_str(request.body)));
    worker::Request::new_with_init(request.url, &init)
}

async fn received(response: worker::Response) -> Result<Response, Failure> {
    let status = response.status_code();
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let response: web_sys::Response = response.into();
    let mut body = Vec::new();
    let mut truncated = false;
    if let Some(mut chunks) = response.body().and_then(|stream| Chunks::of(&stream)) {
        loop {
            match chunks.next().await {
                Ok(Some(chunk)) => body.extend(chunk.to_vec()),
                Ok(None) => break,
                Err(_) => return Err(Failure::Connection),
            }
            if body.len() > RESPONSE_BODY_BOUND {
                body.truncate(RESPONSE_BODY_BOUND);
                truncated = true;
                break;
            }
        }
    }
    Ok(Response {
        status,
        retry_after,
        body,
        truncated,
    })
}

/// Returns the configured URL of one of Gwop's hosts.
pub(super) fn host_url(env: &Env, host: Host) -> String {
    let name = match host {
        Host::Agents => config::GWOP_SERVER_URL,
        Host::Identity => config::GWOP_IDENTITY_URL,
    };
    config::text_or(env, name, host.url())
}

/// Why [`call`] failed.
#[derive(Debug)]
pub enum CallError {
    /// The call did not reach the network: the operation's name, its argument, or a variable is
    /// wrong.
    Refused(Refusal),
    /// The call failed.
    Failed(Fault),
}

impl CallError {
    /// Returns Gwop's error code, if Gwop sent one (contract, "Errors").
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let Self::Failed(fault) = self else {
            return None;
        };
        let error: serde_json::Value = serde_json::from_str(fault.error.as_deref()?).ok()?;
        Some(error.get("code")?.as_str()?.to_owned())
    }

    /// Returns the error for the log: a class and a code, without any text of Gwop.
    pub(super) fn brief(&self) -> String {
        let class = match self {
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::Failed(fault) => fault.kind.class(),
        };
        [class, " ", &self.code().unwrap_or_default()].concat()
    }

    /// Returns whether the argument was wrong.
    pub(super) fn is_argument(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == RefusalCode::Argument)
    }

    /// Returns whether Gwop responded that there are too many requests.
    pub(super) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Failed(fault) if fault.kind == FaultKind::RateLimit)
    }
}

/// Calls one of Gwop's operations (`invoices.create`, `authIntents.create`, …) with this Worker's
/// merchant key, and retries as the SDK does. `argument` is the argument as JSON. The result is
/// Gwop's JSON. Both use Gwop's own field names.
///
/// # Errors
/// Returns [`CallError`].
pub async fn call(
    env: &Env,
    name: &str,
    argument: &serde_json::Value,
) -> Result<serde_json::Value, CallError> {
    let mut call = prepared(env, name, argument)?;
    read(attempts(&Platform, &mut call).await.result)
}

/// Calls an operation as [`call`] does, for an agent: after a 429 of Gwop the call is not repeated.
///
/// # Errors
/// Returns [`CallError`]. If Gwop responded with 429 and a `Retry-After`, also returns how many
/// seconds Gwop asks to wait, from 1 to 60.
pub(super) async fn call_for_agent(
    env: &Env,
    name: &str,
    argument: &serde_json::Value,
) -> Result<serde_json::Value, (CallError, Option<i64>)> {
    let mut call = prepared(env, name, argument).map_err(|error| (error, None))?;
    let codes = RetryCodes::parse(AGENT_RETRIES.into_iter()).map_err(|code| {
        let parts = ["`", code, "` is no status"];
        let refusal = Refusal::new(RefusalCode::Argument, &parts);
        (CallError::Refused(refusal), None)
    })?;
    call.set_policy(RetryPolicy {
        codes,
        ..RetryPolicy::default()
    });
    let Attempts { result, last, .. } = attempts(&Platform, &mut call).await;
    read(result).map_err(|error| {
        let limited = last.ok().filter(|response| response.status == 429);
        let value = limited.and_then(|response| response.retry_after);
        (error, value.as_deref().and_then(seconds_of))
    })
}

/// Why [`call_once`] failed.
#[derive(Debug)]
pub(super) struct Refused {
    /// The error for the log: a class and a code.
    pub brief: String,
    /// How long Gwop asks to wait, in milliseconds, if it says so.
    pub wait_ms: Option<i64>,
    /// Whether Gwop responded that the object does not exist.
    pub is_missing: bool,
}

/// Calls an operation as [`call`] does, with one attempt. The result is Gwop's JSON as received.
///
/// # Errors
/// Returns [`Refused`].
pub(super) async fn call_once(
    env: &Env,
    name: &str,
    argument: &serde_json::Value,
) -> Result<String, Refused> {
    let refused = |error: CallError| Refused {
        brief: error.brief(),
        wait_ms: None,
        is_missing: error.code().as_deref() == Some("INVOICE_NOT_FOUND"),
    };
    let mut call = prepared(env, name, argument).map_err(refused)?;
    call.set_policy(RetryPolicy {
        bound: Bound::Retries(0),
        ..RetryPolicy::default()
    });
    let Attempts { result, last, .. } = attempts(&Platform, &mut call).await;
    match result {
        Ok(decoded) => Ok(decoded.json),
        Err(fault) => {
            let value = last.ok().and_then(|response| response.retry_after);
            Err(Refused {
                wait_ms: value
                    .and_then(|value| parse_retry_after(&value, now_ms()))
                    .map(|wait| wait.clamp(0, MAX_PATIENCE_MS)),
                ..refused(CallError::Failed(fault))
            })
        }
    }
}

/// Returns the seconds of a `Retry-After`, within limits.
fn seconds_of(retry_after: &str) -> Option<i64> {
    let milliseconds = parse_retry_after(retry_after, now_ms())?;
    let seconds = milliseconds.saturating_add(999).checked_div(1_000)?;
    Some(seconds.clamp(1, MAX_WAIT_SECONDS))
}

/// Prepares the call of an operation.
fn prepared(env: &Env, name: &str, argument: &serde_json::Value) -> Result<Box<Call>, CallError> {
    let unknown = || {
        let parts = ["There is no operation `", name, "` at Gwop"];
        CallError::Refused(Refusal::new(RefusalCode::Argument, &parts))
    };
    let operation = operation(name).ok_or_else(unknown)?;
    let random = random().map_err(|failure| {
        CallError::Failed(Fault {
            kind: FaultKind::NoResponse(failure),
            message: String::from("the platform gave no random bytes; try again"),
            error: None,
            exhausted: false,
        })
    })?;
    let mut call = Call::new(
        operation,
        &argument.to_string(),
        Naming::Wire,
        &host_url(env, operation.host),
        &random,
    )
    .map_err(CallError::Refused)?;
    if call.needs_key() {
        let key = config::text(env, config::GWOP_MERCHANT_API_KEY).unwrap_or_default();
        call.authorize(&key).map_err(CallError::Refused)?;
    }
    Ok(call)
}

/// Reads Gwop's JSON.
fn read(result: Result<Decoded, Fault>) -> Result<serde_json::Value, CallError> {
    let decoded = result.map_err(CallError::Failed)?;
    serde_json::from_str(&decoded.json).map_err(|_| {
        CallError::Failed(Fault {
            kind: FaultKind::ResponseValidation,
            message: "The answer holds a string that is not Unicode".to_owned(),
            error: None,
            exhausted: false,
        })
    })
}

/// Fetches a public document. Returns `None` unless the response is complete and has status 200.
pub(super) async fn fetch_public(url: &str) -> Option<Vec<u8>> {
    let request = Request {
        method: "GET",
        url,
        body: "",
        authorization: "",
        idempotency_key: "",
    };
    let response = Platform.send(&request).await.ok()?;
    (response.status == 200 && !response.truncated).then_some(response.body)
}
