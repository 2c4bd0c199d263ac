//! Gwop's operations over the caller's HTTP client: attempts, time limits, signals, bounded
//! responses.
//!
//! TypeScript reads the caller's options and creates the error classes. Everything between is here
//! and in [`crate::client`]. No state of a call outlives it.

use std::cell::RefCell;

use js_sys::{Object, Reflect, TypeError};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal, DomException, Headers, RequestInit, RequestRedirect};

use super::options::Given;
use super::refusal::{bad_argument, object};
use crate::client::{
    Backoff, Bound, Call, Failure, Host, Idempotency, Moment, RESPONSE_BODY_BOUND, Refusal,
    RefusalCode, Request, Response, RetryCodes, RetryPolicy, Step, operation, parse_retry_after,
};
use crate::drive::{self, Attempts};
use crate::model::Naming;
use crate::port::{Transport, random};
use crate::web::{Stop, constant, now_ms, outcome_of, read_response, sleep};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** One of Gwop's operations. */
export type Operation =
  | "invoices.create" | "invoices.list" | "invoices.get" | "invoices.cancel"
  | "authIntents.create" | "authIntents.exchange" | "authSessions.get" | "authSessions.revoke" | "auth.getJwks";

/** How a call is made. */
export interface CallOptions {
  /** Whether the argument and the response use the wire's names. Default false. */
  readonly wire?: boolean | undefined;
  /** The URL of the invoice host. Absent or empty: Gwop's own. */
  readonly serverURL?: string | undefined;
  /** The URL of the identity host. Absent or empty: Gwop's own. */
  readonly identityURL?: string | undefined;
  /** What `User-Agent` says outside browsers. Default: the SDK's name. */
  readonly userAgent?: string | undefined;
  /** The time limit of one attempt, in milliseconds, up to the last byte of the response. */
  readonly timeoutMs?: number | undefined;
}

/**
 * When to retry. By default a call is retried twice, after 429, 500, 502, 503, 504, a connection
 * error or a timeout.
 */
export interface RetryOptions {
  /** The most retries. */
  readonly most?: number | undefined;
  /** As many retries as this allows, instead of `most`. */
  readonly backoff?: Backoff | undefined;
  /** The statuses that are retried, such as `429` or `5XX`. */
  readonly codes?: readonly string[] | undefined;
  /** Whether connection errors are retried. Default true. */
  readonly connectionErrors?: boolean | undefined;
  /** Whether timeouts are retried. Default true. */
  readonly timeouts?: boolean | undefined;
}

/**
 * The pauses between attempts, in milliseconds. The defaults are 500, 60,000, an exponent of 1.5, and
 * 3,600,000.
 */
export interface Backoff {
  /** Before the first retry, at most. */
  readonly initialInterval?: number | undefined;
  /** Before any retry, at most. */
  readonly maxInterval?: number | undefined;
  /** The factor from one retry to the next. */
  readonly exponent?: number | undefined;
  /** No retry begins later than this after the first attempt began. */
  readonly maxElapsedTime?: number | undefined;
}

/** What a call needs of its caller. */
export interface CallHost {
  /** Sends one request. It must not follow redirects. */
  request(request: Request): Promise<Response> | Response;
  /** The merchant key, asked once by an operation that needs it. */
  merchantApiKey(): string | undefined | Promise<string>;
  /** Replaces the default retry policy. If it throws, the call ends before anything is sent. */
  retries(): RetryOptions | undefined;
  /** Whether a hook of the HTTP client threw this. */
  isHookError(error: unknown): boolean;
  /**
   * Makes what a call that succeeded resolves to.
   *
   * `text` is JSON: `{"value": response, "times": paths}`. Time stamps are milliseconds since 1970,
   * and `paths` lists where they are, such as `[["invoices",0,"createdAt"]]`. With `wire: true`, it
   * is the response as Gwop sent it. `response` has the status and the headers. Its body has been
   * read.
   */
  toResult(text: string, response: Response): unknown;
  /** Logs an attempt. `failure` is the error's class if no response came. */
  readonly log?: ((request: Request, response: Response | undefined, failure: string | undefined, milliseconds: number) => void) | undefined;
}

/** How a failed call ended. Thrown as a plain object. */
export interface CallFailure {
  /** The name of the SDK's error class. */
  readonly kind: string;
  /** What went wrong, for people. */
  readonly message: string;
  /** The code of an `SDKValidationError`. */
  readonly code?: string;
  /** Whether it was the argument that was refused. */
  readonly argumentRefused?: boolean;
  /** A structured error as JSON text: `{ code, message, details?, requestId? }`. */
  readonly error?: string;
  /** Whether it was retried, and would have been again had the retries not run out. */
  readonly exhausted?: boolean;
  /** The last request, where one was made. */
  readonly request?: Request;
  /** Its response, whose body has been read, where the end is about one. */
  readonly response?: Response;
  /** That body, as text. */
  readonly body?: string;
  /** What led to the end. */
  readonly cause?: unknown;
  /** What `retries` threw, to be thrown as it is. */
  readonly thrown?: unknown;
  /**
   * The idempotency key of the latest attempt. Empty if the operation has none, absent if the
   * argument was refused.
   */
  readonly idempotencyKey?: string;
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "CallOptions")]
    pub type CallOptions;

    #[wasm_bindgen(typescript_type = "CallHost")]
    pub type CallHost;
    #[wasm_bindgen(method, catch)]
    fn request(this: &CallHost, request: &web_sys::Request) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = merchantApiKey)]
    fn merchant_api_key(this: &CallHost) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn retries(this: &CallHost) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch, js_name = toResult)]
    fn to_result(
        this: &CallHost,
        text: &str,
        response: &web_sys::Response,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, js_name = isHookError)]
    fn is_hook_error(this: &CallHost, error: &JsValue) -> bool;
    #[wasm_bindgen(method, getter, js_name = log)]
    fn has_log(this: &CallHost) -> Option<js_sys::Function>;
    #[wasm_bindgen(method)]
    fn log(
        this: &CallHost,
        request: &web_sys::Request,
        response: Option<&web_sys::Response>,
        failure: Option<&str>,
        milliseconds: f64,
    );

    /// The properties that are read from an error that other code threw.
    type Thrown;
    #[wasm_bindgen(method, getter, catch)]
    fn name(this: &Thrown) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn code(this: &Thrown) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn message(this: &Thrown) -> Result<JsValue, JsValue>;

    /// The properties that are checked before a value is treated as a response.
    type ResponseLike;
    #[wasm_bindgen(method, getter, catch)]
    fn status(this: &ResponseLike) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch)]
    fn headers(this: &ResponseLike) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter, catch, js_name = bodyUsed)]
    fn body_used(this: &ResponseLike) -> Result<JsValue, JsValue>;
}

/// Returns the retry policy that the caller wants.
fn policy(given: &Given) -> Result<RetryPolicy, Refusal> {
    let argument = |message: &str| Refusal::new(RefusalCode::Argument, &[message]);
    let mut policy = RetryPolicy::default();
    if let Some(given) = &given.backoff {
        // The defaults of upstream's SDK for parts that are left out.
        let backoff = Backoff {
            initial_interval: given.initial_interval.unwrap_or(500.0),
            max_interval: given.max_interval.unwrap_or(60_000.0),
            exponent: given.exponent.unwrap_or(1.5),
        };
        let elapsed = given.max_elapsed_time.unwrap_or(3_600_000.0);
        policy = RetryPolicy::within(backoff, elapsed).map_err(argument)?;
    } else if let Some(most) = given.most {
        // The cast saturates.
        policy.bound = Bound::Retries(most as u32);
    }
    if let Some(codes) = &given.codes {
        policy.codes = RetryCodes::parse(codes.iter().map(String::as_str))
            .map_err(|_| argument("`retryCodes` must hold statuses such as \"429\" or \"5XX\""))?;
    }
    policy.connection_errors = given.connection_errors.unwrap_or(true);
    policy.timeouts = given.timeouts.unwrap_or(true);
    Ok(policy)
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct End {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "is_false")]
    argument_refused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    exhausted: bool,
    #[serde(
        skip_serializing_if = "JsValue::is_undefined",
        with = "serde_wasm_bindgen::preserve"
    )]
    request: JsValue,
    #[serde(
        skip_serializing_if = "JsValue::is_undefined",
        with = "serde_wasm_bindgen::preserve"
    )]
    response: JsValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(
        skip_serializing_if = "JsValue::is_undefined",
        with = "serde_wasm_bindgen::preserve"
    )]
    cause: JsValue,
    #[serde(
        skip_serializing_if = "JsValue::is_undefined",
        with = "serde_wasm_bindgen::preserve"
    )]
    thrown: JsValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde requires this signature.
fn is_false(value: &bool) -> bool {
    !value
}

impl End {
    fn new(kind: &'static str, message: &str) -> Self {
        Self {
            kind,
            message: message.to_owned(),
            ..Self::default()
        }
    }

    fn aborted(operation: &str, signal: &AbortSignal) -> Self {
        Self {
            cause: signal.reason(),
            ..Self::new(
                Failure::Aborted.class(),
                &[
                    operation,
                    ": the caller's signal aborted it before it was sent",
                ]
                .concat(),
            )
        }
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.code {
            RefusalCode::ServerUrl => Failure::InvalidRequest.class(),
            RefusalCode::Argument | RefusalCode::MerchantKeyMissing => "SDKValidationError",
        };
        Self {
            code: Some(refusal.code.as_str()),
            ..Self::new(kind, &refusal.message)
        }
    }
}

/// Makes one call of an operation, such as `invoices.get`, and repeats it by its retry policy.
///
/// `argument` is the JSON text of the operation's argument, `{}` if it has none. `options` may be
/// left out. `headers` are the caller's own, in any form that `new Headers()` accepts. They
/// override the SDK's headers, and an `Idempotency-Key` in them counts like the argument's.
/// `signal` aborts the call.
///
/// Resolves to the value of `toResult`. Rejects with a `CallFailure`.
#[wasm_bindgen(
    js_name = callOperation,
    wasm_bindgen_futures = crate::web::executor,
    unchecked_return_type = "unknown"
)]
pub async fn call_operation(
    #[wasm_bindgen(js_name = operation, unchecked_param_type = "Operation")] name: String,
    argument: String,
    options: Option<CallOptions>,
    host: CallHost,
    #[wasm_bindgen(unchecked_param_type = "object | undefined")] headers: JsValue,
    signal: Option<AbortSignal>,
) -> Result<JsValue, JsValue> {
    // Most calls have no options.
    let options = match options {
        Some(options) => Given::read(options.into())
            .map_err(|()| bad_argument("an option of a call has a member of another kind"))?,
        None => Given::default(),
    };
    let mut key = None;
    let made = make(
        &name, &argument, &options, &host, &headers, signal, &mut key,
    )
    .await;
    made.map_err(|mut end| {
        end.idempotency_key = key.or(end.idempotency_key);
        object(&*end)
    })
}

/// Runs the call from its first check to its end. `key` is the current idempotency key.
async fn make(
    name: &str,
    argument: &str,
    options: &Given,
    host: &CallHost,
    headers: &JsValue,
    signal: Option<AbortSignal>,
    key: &mut Option<String>,
) -> Result<JsValue, Box<End>> {
    let refused = |refusal: Refusal| Box::new(End::from(refusal));
    let argument_refused = |refusal: Refusal| {
        Box::new(End {
            argument_refused: true,
            ..End::from(refusal)
        })
    };
    let operation = operation(name).ok_or_else(|| {
        refused(Refusal::new(
            RefusalCode::Argument,
            &["There is no such operation"],
        ))
    })?;
    let own_headers = OwnHeaders::read(headers)?;
    let given = match operation.host {
        Host::Agents => options.server_url.as_deref(),
        Host::Identity => options.identity_url.as_deref(),
    };
    let base_url = given
        .filter(|url| !url.is_empty())
        .unwrap_or(operation.host.url());
    let wire = options.wire == Some(true);
    let naming = if wire {
        Naming::Wire
    } else {
        Naming::JavaScript
    };
    let random = match operation.idempotency {
        Idempotency::Natural => [0; 16],
        Idempotency::StoredKey | Idempotency::FreshKey => random().map_err(|failure| {
            let message = "The platform gave no random bytes for an idempotency key; try again";
            Box::new(End::new(failure.class(), message))
        })?,
    };
    let mut call =
        Call::new(operation, argument, naming, base_url, &random).map_err(argument_refused)?;
    if let Some(own) = &own_headers.idempotency_key {
        call.adopt_key(own).map_err(argument_refused)?;
    }
    *key = Some(call.idempotency_key().unwrap_or_default().to_owned());
    let retries = host.retries().map_err(|thrown| {
        Box::new(End {
            thrown,
            ..End::default()
        })
    })?;
    if !retries.is_undefined() {
        let retries = Given::read(retries).map_err(|()| {
            let message = "a retry option has a member of another kind";
            refused(Refusal::new(RefusalCode::Argument, &[message]))
        })?;
        call.set_policy(policy(&retries).map_err(refused)?);
    }
    let aborted = || {
        let signal = signal.as_ref().filter(|signal| signal.aborted());
        signal.map(|signal| Box::new(End::aborted(name, signal)))
    };
    if let Some(end) = aborted() {
        return Err(end);
    }
    if call.needs_key() {
        let merchant_key = merchant_key(host, signal.as_ref()).await;
        if let Some(end) = aborted() {
            return Err(end);
        }
        call.authorize(&merchant_key?).map_err(refused)?;
    }
    let transport = Client {
        host,
        logs: host.has_log().is_some(),
        headers: own_headers.all,
        user_agent: (!in_browser()).then(|| {
            let own = options.user_agent.as_deref().map(JsValue::from_str);
            own.unwrap_or_else(|| constant(concat!("gwop-sdk/", env!("CARGO_PKG_VERSION"))))
        }),
        timeout_ms: options
            .timeout_ms
            .unwrap_or_else(|| crate::client::DEFAULT_TIMEOUT_MS.into()),
        signal,
        latest: RefCell::new(Exchange::default()),
        retried: RefCell::new(None),
    };
    let attempts = drive::attempts(&transport, &mut call).await;
    *key = Some(call.idempotency_key().unwrap_or_default().to_owned());
    transport.end(&call, attempts, wire).map_err(Box::new)
}

/// Returns the merchant key, or an empty string if there is none.
async fn merchant_key(host: &CallHost, signal: Option<&AbortSignal>) -> Result<String, Box<End>> {
    let failed = |cause: JsValue| {
        Box::new(End {
            cause,
            ..End::new(
                "UnexpectedClientError",
                "The merchantApiKey function failed",
            )
        })
    };
    let given = host.merchant_api_key().map_err(failed)?;
    let given = if given.is_object() {
        let mut stop = Stop::new();
        if let Some(signal) = signal {
            stop.on_abort(signal, |_| ()).map_err(failed)?;
        }
        // The caller checks whether the signal has aborted.
        stop.unless(outcome_of(&given))
            .await
            .unwrap_or(Ok(JsValue::UNDEFINED))
            .map_err(failed)?
    } else {
        given
    };
    if given.is_undefined() {
        return Ok(String::new());
    }
    given
        .as_string()
        .map(|key| key.trim().to_owned())
        .ok_or_else(|| {
            Box::new(End::new(
                "SDKValidationError",
                "merchantApiKey must be a string, or a function that returns a promise of one",
            ))
        })
}

/// Returns whether this is a browser. A browser sets its own user agent. Elsewhere the SDK sets
/// one.
fn in_browser() -> bool {
    thread_local! {
        static IN_BROWSER: bool = ["document", "importScripts"].into_iter().any(|name| {
            Reflect::has(&js_sys::global(), &name.into()).unwrap_or(false)
        });
    }
    IN_BROWSER.with(|in_browser| *in_browser)
}

/// The caller's own headers.
struct OwnHeaders {
    /// An object of names and values. `None` if there are none.
    all: Option<Object>,
    idempotency_key: Option<String>,
}

impl OwnHeaders {
    fn read(given: &JsValue) -> Result<Self, Box<End>> {
        if given.is_undefined() {
            return Ok(Self {
                all: None,
                idempotency_key: None,
            });
        }
        // The runtime's message quotes the value, which may be a secret.
        let refused = |_| {
            Box::new(End::new(
                Failure::InvalidRequest.class(),
                "The headers option holds a name or value that HTTP does not allow: leave out control characters, and what is not Latin-1",
            ))
        };
        let headers =
            Headers::new_with_record_from_str_to_str(given.unchecked_ref()).map_err(refused)?;
        // A key in the headers counts like any other key of the caller.
        let key = headers.get("idempotency-key").map_err(refused)?;
        headers.delete("idempotency-key").map_err(refused)?;
        Ok(Self {
            all: Some(Object::from_entries(&headers).map_err(refused)?),
            idempotency_key: key.filter(|key| !key.is_empty()),
        })
    }
}

/// The state of one attempt.
#[derive(Default, Clone)]
struct Exchange {
    request: Option<web_sys::Request>,
    response: Option<web_sys::Response>,
    cause: JsValue,
    /// Whether the response is complete.
    complete: bool,
}

/// The caller's HTTP client.
struct Client<'c> {
    host: &'c CallHost,
    logs: bool,
    headers: Option<Object>,
    user_agent: Option<JsValue>,
    timeout_ms: f64,
    signal: Option<AbortSignal>,
    latest: RefCell<Exchange>,
    /// The last attempt whose response led to a retry.
    retried: RefCell<Option<Exchange>>,
}

/// Why an attempt was stopped, and the reason for the code that sends it.
type Stopped = (Failure, JsValue);

impl Client<'_> {
    fn request(
        &self,
        request: &Request<'_>,
        controller: &AbortController,
    ) -> Result<web_sys::Request, JsValue> {
        let all = Object::new();
        for (name, value) in request.headers() {
            if !value.is_empty() {
                let json = "application/json";
                let value = if value == json {
                    constant(json)
                } else {
                    value.into()
                };
                Reflect::set(&all, &constant(name), &value)?;
            }
        }
        if let Some(user_agent) = &self.user_agent {
            Reflect::set(&all, &constant("user-agent"), user_agent)?;
        }
        if let Some(own) = &self.headers {
            Object::assign(&all, own);
        }
        let init = RequestInit::new();
        Reflect::set(&init, &constant("method"), &constant(request.method))?;
        init.set_headers(&all);
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&controller.signal()));
        if !request.body.is_empty() {
            init.set_body(&request.body.into());
        }
        web_sys::Request::new_with_str_and_init(request.url, &init)
    }

    /// Makes one attempt. `exchange` holds its state even if it fails.
    async fn attempt(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
    ) -> Result<Response, Failure> {
        let controller = AbortController::new().map_err(|_| Failure::InvalidRequest)?;
        let sent = self
            .request(request, &controller)
            .map_err(|_| Failure::InvalidRequest)?;
        // `clone` must be the method of JavaScript.
        exchange.request = Some(Clone::clone(&sent));
        let mut stop: Stop<Stopped> = Stop::new();
        stop.after(self.timeout_ms, || {
            let reason =
                DomException::new_with_message_and_name("timeoutMs has passed", "TimeoutError");
            (
                Failure::Timeout,
                reason.map_or(JsValue::UNDEFINED, JsValue::from),
            )
        });
        if let Some(signal) = &self.signal
            && let Err(cause) = stop.on_abort(signal, |reason| (Failure::Aborted, reason))
        {
            exchange.cause = cause;
            return Err(Failure::Unexpected);
        }
        // The request gets the controller's signal. It is also raced against that signal, because
        // not every fetcher respects it.
        let received = stop.unless(self.receive(&sent, exchange)).await;
        if let Some(received) = received {
            return received;
        }
        let (failure, reason) = stop
            .reason()
            .unwrap_or((Failure::Aborted, JsValue::UNDEFINED));
        controller.abort_with_reason(&reason);
        // A timeout has no cause other than the time.
        exchange.cause = if failure == Failure::Timeout {
            JsValue::UNDEFINED
        } else {
            reason
        };
        Err(failure)
    }

    async fn receive(
        &self,
        request: &web_sys::Request,
        exchange: &mut Exchange,
    ) -> Result<Response, Failure> {
        let given = match self.host.request(request) {
            Ok(promise) => outcome_of(&promise).await,
            Err(thrown) => Err(thrown),
        };
        let read = match given {
            Ok(response) if !is_unread_response(&response) => {
                exchange.cause = TypeError::new(
                    "httpClient must give a Response whose body nobody has read; a hook reads a clone of it",
                )
                .into();
                return Err(Failure::Unexpected);
            }
            Ok(response) => {
                let response: web_sys::Response = response.unchecked_into();
                exchange.response = Some(Clone::clone(&response));
                read_response(&response, RESPONSE_BODY_BOUND)
                    .await
                    .map(|content| (response, content))
            }
            Err(thrown) => Err(thrown),
        };
        match read {
            Ok((response, content)) => {
                let status = response.status();
                let retry_after = if response.ok() {
                    None
                } else {
                    response.headers().get("retry-after").ok().flatten()
                };
                Ok(Response {
                    status,
                    retry_after,
                    body: content.body,
                    truncated: content.truncated,
                })
            }
            Err(thrown) => {
                let failure = self.classify(&thrown, exchange.response.is_some());
                if failure != Failure::Timeout {
                    exchange.cause = thrown;
                }
                Err(failure)
            }
        }
    }

    /// Classifies what an HTTP client threw, or a body that broke off.
    fn classify(&self, thrown: &JsValue, responded: bool) -> Failure {
        if self.host.is_hook_error(thrown) {
            return Failure::Unexpected;
        }
        let (mut name, mut code, mut message) = (None, None, String::new());
        if !thrown.is_undefined() && !thrown.is_null() {
            let thrown: &Thrown = thrown.unchecked_ref();
            name = thrown.name().ok().and_then(|name| name.as_string());
            code = thrown.code().ok().and_then(|code| code.as_string());
            message = thrown
                .message()
                .ok()
                .and_then(|text| text.as_string())
                .unwrap_or_default();
        }
        message.make_ascii_lowercase();
        let says = |word: &str| {
            let mut windows = message.as_bytes().windows(word.len());
            windows.any(|window| window == word.as_bytes())
        };
        // `fetch` throws a TypeError, Bun an error with a code, and workerd an error that has only
        // a message.
        match name.as_deref() {
            Some("AbortError") => Failure::Aborted,
            Some("TimeoutError") => Failure::Timeout,
            _ if responded
                || thrown.is_instance_of::<TypeError>()
                || code.is_some()
                || says("network")
                || says("connection")
                // workerd's message for a name that no DNS server knows.
                || says("internal error; reference =") =>
            {
                Failure::Connection
            }
            _ => Failure::Unexpected,
        }
    }

    /// Returns the result for the caller.
    fn end(&self, call: &Call, attempts: Attempts, wire: bool) -> Result<JsValue, End> {
        let Attempts {
            result,
            mut last,
            retried,
        } = attempts;
        let mut exchange = self.latest.take();
        let mut fault = match (result, exchange.response.clone()) {
            (Ok(decoded), Some(response)) => {
                let text = if wire {
                    decoded.json
                } else {
                    decoded.into_text()
                };
                return self.host.to_result(&text, &response).map_err(|cause| End {
                    cause,
                    ..End::new("UnexpectedClientError", "The SDK failed")
                });
            }
            (Ok(_), None) => return Err(End::new("UnexpectedClientError", "The answer is lost")),
            (Err(fault), _) => fault,
        };
        // When retries run out, gwop-checkout reports the last response (contract, "gwop-checkout
        // 2.0.0").
        if wire
            && fault.exhausted
            && last.is_err()
            && let Some(response) = retried
            && let Some(of_retried) = self.retried.take()
            && let Step::Fail(told) = call.on_response(
                &response,
                Moment {
                    now_ms: now_ms(),
                    jitter: 0.0,
                },
            )
        {
            fault = told;
            last = Ok(response);
            let cause = exchange.cause;
            exchange = Exchange {
                cause,
                ..of_retried
            };
        }
        let mut end = End {
            error: fault.error,
            exhausted: fault.exhausted,
            request: exchange.request.map_or(JsValue::UNDEFINED, JsValue::from),
            cause: exchange.cause,
            ..End::new(fault.kind.class(), &fault.message)
        };
        if let Ok(response) = last {
            end.response = exchange.response.map_or(JsValue::UNDEFINED, JsValue::from);
            // Decodes like `TextDecoder`.
            let body = String::from_utf8_lossy(&response.body);
            end.body = Some(body.strip_prefix('\u{feff}').unwrap_or(&body).to_owned());
        }
        Err(end)
    }
}

impl Transport for Client<'_> {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    fn random(&self) -> Result<[u8; 16], Failure> {
        random()
    }

    async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let begun = if self.logs { js_sys::Date::now() } else { 0.0 };
        let mut exchange = Exchange::default();
        let outcome = self.attempt(request, &mut exchange).await;
        exchange.complete = outcome.is_ok();
        if self.logs
            && let Some(request) = &exchange.request
        {
            let failure = outcome.as_ref().err().map(|failure| failure.class());
            let milliseconds = js_sys::Date::now() - begun;
            self.host
                .log(request, exchange.response.as_ref(), failure, milliseconds);
        }
        *self.latest.borrow_mut() = exchange;
        outcome
    }

    async fn sleep(&self, delay_ms: i64) -> Result<(), Failure> {
        let latest = self.latest.borrow().clone();
        // A timer supports these milliseconds, so the cast is exact.
        let slept = sleep(delay_ms as f64, self.signal.as_ref()).await;
        let aborted = self.signal.as_ref().filter(|signal| signal.aborted());
        let (failure, cause) = match (slept, aborted) {
            (_, Some(signal)) => (Failure::Aborted, signal.reason()),
            (Err(cause), None) => (Failure::Unexpected, cause),
            (Ok(()), None) => {
                if latest.complete {
                    *self.retried.borrow_mut() = Some(latest);
                }
                return Ok(());
            }
        };
        self.latest.borrow_mut().cause = cause;
        Err(failure)
    }
}

/// Returns whether this is a `Response` of any realm whose body has not been read.
fn is_unread_response(response: &JsValue) -> bool {
    if !response.is_object() {
        return false;
    }
    // Nearly always it is a response of this realm. This check takes two steps instead of eight.
    let is_own = response.is_instance_of::<web_sys::Response>();
    let response: &ResponseLike = response.unchecked_ref();
    if is_own {
        return response.body_used().is_ok_and(|used| used.is_falsy());
    }
    let is_number = response
        .status()
        .is_ok_and(|status| status.as_f64().is_some());
    let headers = response.headers().unwrap_or(JsValue::UNDEFINED);
    let is_read = response.body_used().is_ok_and(|used| used.is_truthy());
    let get = headers
        .is_object()
        .then(|| Reflect::get(&headers, &constant("get")));
    is_number && !is_read && get.is_some_and(|get| get.is_ok_and(|get| get.is_function()))
}

/// Returns how many milliseconds the value of `Retry-After` asks to wait, counted from `now`
/// (milliseconds since 1970).
///
/// The value is seconds or an HTTP date. Returns `undefined` if it is neither.
#[wasm_bindgen(js_name = parseRetryAfter)]
pub fn parse_retry_after_header(value: &str, now: f64) -> Option<f64> {
    // The casts saturate.
    parse_retry_after(value, now as i64).map(|wait| wait as f64)
}
