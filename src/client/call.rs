//! One call as a value. It returns a request, receives the outcome, and returns the next step.

use super::error_body::parse_error_body;
use super::operation::{Body, Idempotency, Operation};
use super::policy::{Outcome, RetryPolicy, Verdict};
use super::url;
use crate::json::{Object, Value};
use crate::model::{Decoded, Mismatch, Naming, decode, encode};

/// The longest response body that is read, in bytes (10 MiB). The rest of a longer body is not
/// read.
pub const RESPONSE_BODY_BOUND: usize = 10 * 1024 * 1024;

/// The default timeout of one attempt in milliseconds, from the request to the last byte of the
/// response.
pub const DEFAULT_TIMEOUT_MS: u32 = 30_000;

/// Why a call was refused before it reached the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// An argument or option is missing or of another kind.
    Argument,
    /// No path can be appended to the server's URL.
    ServerUrl,
    /// The merchant key is missing.
    MerchantKeyMissing,
}

impl RefusalCode {
    /// Returns the stable code of the error in JavaScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Argument => "SDK_VALIDATION",
            Self::ServerUrl => "INVALID_REQUEST",
            Self::MerchantKeyMissing => "MERCHANT_API_KEY_MISSING",
        }
    }
}

/// A call that was refused before it reached the network. Its message contains none of the given
/// values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for programs.
    pub code: RefusalCode,
    /// The reason, for people.
    pub message: String,
}

impl Refusal {
    /// Creates a refusal. Its message consists of the joined `parts`.
    #[must_use]
    pub fn new(code: RefusalCode, parts: &[&str]) -> Self {
        Self {
            code,
            message: parts.concat(),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// One attempt, ready to send. Redirects must not be followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'static str,
    /// The absolute URL.
    pub url: &'a str,
    /// The JSON body, or empty if there is none.
    pub body: &'a str,
    /// The value of `authorization`, or empty if there is none.
    pub authorization: &'a str,
    /// The value of `idempotency-key`, or empty if there is none.
    pub idempotency_key: &'a str,
}

impl<'a> Request<'a> {
    /// Returns lower-case names and values. A header with an empty value is not sent.
    ///
    /// A log must treat `authorization` and `idempotency-key` as secrets.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &'a str); 4] {
        let json = "application/json";
        [
            ("accept", json),
            ("content-type", if self.body.is_empty() { "" } else { json }),
            ("authorization", self.authorization),
            ("idempotency-key", self.idempotency_key),
        ]
    }
}

impl std::fmt::Debug for Request<'_> {
    /// Omits headers and body, which contain secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The response to one attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status. 0 for a redirect that a browser hides.
    pub status: u16,
    /// The value of `Retry-After`.
    pub retry_after: Option<String>,
    /// The body, at most [`RESPONSE_BODY_BOUND`] bytes.
    pub body: Vec<u8>,
    /// Whether the body was longer than the bound.
    pub truncated: bool,
}

impl Response {
    /// Returns whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }
}

impl std::fmt::Debug for Response {
    /// Omits the body, which may contain a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

/// Why an attempt has no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection, or it broke.
    Connection,
    /// The response was not complete in time.
    Timeout,
    /// The caller gave up.
    Aborted,
    /// The runtime rejected the request itself: a header or the URL.
    InvalidRequest,
    /// The platform provided no random bytes.
    NoRandomness,
    /// Anything else.
    Unexpected,
}

impl Failure {
    /// Returns the name of the class in `@gwop/sdk/models/errors`.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Connection => "ConnectionError",
            Self::Timeout => "RequestTimeoutError",
            Self::Aborted => "RequestAbortedError",
            Self::InvalidRequest => "InvalidRequestError",
            Self::NoRandomness | Self::Unexpected => "UnexpectedClientError",
        }
    }
}

/// Why a call failed: the class of the error in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A structured error.
    ErrorResponse,
    /// A structured error with status 429.
    RateLimit,
    /// Any other error response.
    Default,
    /// A 2xx response of the wrong shape. Gwop carried out the call, but its response cannot be
    /// read.
    ResponseValidation,
    /// No response.
    NoResponse(Failure),
}

impl FaultKind {
    /// Returns the name of the class in `@gwop/sdk/models/errors`.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::ErrorResponse => "ErrorResponse",
            Self::RateLimit => "RateLimitError",
            Self::Default => "GwopDefaultError",
            Self::ResponseValidation => "ResponseValidationError",
            Self::NoResponse(failure) => failure.class(),
        }
    }
}

/// The error of a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of error.
    pub kind: FaultKind,
    /// The message for people. For a structured error, it is the server's message, unchanged.
    pub message: String,
    /// The JSON of a structured error: `{ "code", "message", "details"?, "requestId"? }`.
    pub error: Option<String>,
    /// Whether the call was retried, and would have been retried again if retries were left.
    pub exhausted: bool,
}

/// The next step after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The call has succeeded.
    Done(Decoded),
    /// Wait, then make another attempt.
    Retry {
        /// The wait in milliseconds.
        delay_ms: i64,
    },
    /// The call has failed.
    Fail(Fault),
}

/// When an outcome arrived, and the randomness for the next delay.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds since the epoch.
    pub now_ms: i64,
    /// A random number from 0 to 1, for the back-off.
    pub jitter: f64,
}

/// One call of an operation.
///
/// To run a call:
///
/// 1. Call [`Call::set_policy`] if you do not want the default policy.
/// 2. Call [`Call::authorize`] if [`Call::needs_key`].
/// 3. Call [`Call::attempt`], send the request, and call [`Call::on_response`] or
///    [`Call::on_failure`]. Repeat this while the [`Step`] is [`Step::Retry`].
///
/// # Examples
/// ```
/// use gwop::client::{Call, Moment, Response, Step, operation};
/// use gwop::model::Naming;
///
/// let cancel = operation("invoices.cancel").unwrap();
/// let url = "https://agents.gwop.io";
/// let mut call = Call::new(cancel, r#"{"id":"u"}"#, Naming::JavaScript, url, &[7; 16]).unwrap();
/// call.authorize("sk_m_example").unwrap();
///
/// let request = call.attempt(0, &[7; 16]);
/// assert_eq!(request.method, "POST");
/// assert_eq!(request.url, "https://agents.gwop.io/v1/invoices/u/cancel");
///
/// let mut response = Response {
///     status: 503,
///     retry_after: Some("2".to_owned()),
///     body: vec![],
///     truncated: false,
/// };
/// let moment = Moment { now_ms: 10, jitter: 0.5 };
/// assert_eq!(call.on_response(&response, moment), Step::Retry { delay_ms: 2_000 });
///
/// call.attempt(2_010, &[7; 16]);
/// response.status = 200;
/// response.body = br#"{"id":"u","status":"CANCELED","canceled_at":"1970-01-01T00:00:02Z"}"#.to_vec();
/// let Step::Done(canceled) = call.on_response(&response, moment) else { panic!() };
/// assert_eq!(canceled.json, r#"{"id":"u","status":"CANCELED","canceledAt":2000}"#);
/// ```
pub struct Call {
    operation: &'static Operation,
    naming: Naming,
    policy: RetryPolicy,
    url: String,
    /// Empty if there is none, like the next fields.
    body: String,
    authorization: String,
    idempotency_key: String,
    key_is_the_callers: bool,
    attempts: u32,
    started_ms: i64,
}

impl std::fmt::Debug for Call {
    /// Omits the body and the keys.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Call")
            .field("operation", &self.operation.name)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// Checks the argument and builds the request to `base_url`.
    ///
    /// `argument` is the JSON of the operation's argument in `naming` (`{}` if there is none).
    /// `random` becomes the idempotency key if the call has to make one.
    ///
    /// `naming` also determines the response: JavaScript names by the model, or the JSON of the
    /// wire unchanged.
    ///
    /// # Errors
    /// [`Refusal`] when a value is missing or of another kind, when an id is empty, or when
    /// `base_url` is not valid.
    pub fn new(
        operation: &'static Operation,
        argument: &str,
        naming: Naming,
        base_url: &str,
        random: &[u8; 16],
    ) -> Result<Box<Self>, Refusal> {
        let Some(base_url) = url::base(base_url) else {
            return Err(Refusal::new(
                RefusalCode::ServerUrl,
                &[
                    "The server URL must be an absolute http or https URL without credentials, query and fragment, such as ",
                    operation.host.url(),
                ],
            ));
        };
        let mut call = Box::new(Self {
            operation,
            naming,
            policy: RetryPolicy::default(),
            url: base_url.to_owned(),
            body: String::new(),
            authorization: String::new(),
            idempotency_key: String::new(),
            key_is_the_callers: false,
            attempts: 0,
            started_ms: 0,
        });
        match call.take(argument) {
            Ok(()) => {
                if !call.key_is_the_callers && operation.idempotency != Idempotency::Natural {
                    call.idempotency_key = uuid_v4(random);
                }
                Ok(call)
            }
            Err(mismatch) => Err(call.argument_refusal(&mismatch)),
        }
    }

    /// Builds URL, body and idempotency key from the argument.
    fn take(&mut self, argument: &str) -> Result<(), Mismatch> {
        fn object(text: &str) -> Result<Object<'_>, Mismatch> {
            let object = Value::parse_object(text.as_bytes());
            object.ok().flatten().ok_or_else(Mismatch::no_object)
        }

        let wire = match self.operation.argument {
            Some(model) => encode(model, &object(argument)?, self.naming)?,
            None => String::from("{}"),
        };
        // `encode` writes an object, so this cannot fail.
        let members = object(&wire)?;

        let mut rest = self.operation.path;
        while let Some((literal, tail)) = rest.split_once('{') {
            self.url.push_str(literal);
            let (name, tail) = tail.split_once('}').unwrap_or_default();
            rest = tail;
            let (name, default) = name.split_once('=').unwrap_or((name, ""));
            let parameter = name.strip_prefix('&');
            let value = match (members.get(parameter.unwrap_or(name)), parameter) {
                (Some(value), _) => value.to_text().unwrap_or_else(|| value.raw().to_owned()),
                (None, None) => default.to_owned(),
                (None, Some(_)) => continue,
            };
            if parameter.is_some() {
                self.url.push_str(name);
                self.url.push('=');
            } else if !is_id(&value) {
                return Err(self.misfit(name, "a non-empty string, and neither `.` nor `..`"));
            }
            url::push_component(&mut self.url, &value);
        }
        self.url.push_str(rest);

        let body = match self.operation.body {
            Body::None => "",
            Body::Member => members.get("body").map_or("{}", Value::raw),
            Body::Argument => {
                if members.get("session_id").is_some_and(|id| id.is_str("")) {
                    return Err(self.misfit("session_id", "a non-empty string"));
                }
                &wire
            }
        };
        self.body.push_str(body);
        if let Some(key) = members.get("idempotency_key").and_then(Value::to_text) {
            self.take_key(&key)?;
        }
        Ok(())
    }

    /// Uses the caller's own idempotency key.
    ///
    /// Has no effect if the argument has a key, or if the operation is sent without one.
    ///
    /// # Errors
    /// [`Refusal`] when a header cannot contain the key.
    pub fn adopt_key(&mut self, key: &str) -> Result<(), Refusal> {
        if self.key_is_the_callers || self.operation.idempotency == Idempotency::Natural {
            return Ok(());
        }
        self.take_key(key)
            .map_err(|mismatch| self.argument_refusal(&mismatch))
    }

    fn take_key(&mut self, key: &str) -> Result<(), Mismatch> {
        if !is_header_value(key) {
            return Err(self.misfit(
                "idempotency_key",
                "a non-empty string of printable ASCII characters",
            ));
        }
        key.clone_into(&mut self.idempotency_key);
        self.key_is_the_callers = true;
        Ok(())
    }

    fn argument_refusal(&self, mismatch: &Mismatch) -> Refusal {
        Refusal::new(
            RefusalCode::Argument,
            &[
                "Invalid argument of ",
                self.operation.name,
                ": ",
                &mismatch.sentence("request"),
            ],
        )
    }

    /// Returns the mismatch of the member with the wire name `name`.
    fn misfit(&self, name: &str, expected: &'static str) -> Mismatch {
        let fields = self
            .operation
            .argument
            .map_or(&[][..], |model| model.fields);
        let field = fields.iter().find(|field| field.name == name);
        let called = field.map_or(name, |field| field.called(self.naming));
        Mismatch {
            path: called.to_owned(),
            expected,
            missing: false,
        }
    }

    /// Returns the retry policy.
    #[must_use]
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Replaces the default retry policy.
    pub fn set_policy(&mut self, policy: RetryPolicy) {
        self.policy = policy;
    }

    /// Returns whether the operation needs the merchant key. The key is never sent to a public
    /// operation.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.operation.authorized
    }

    /// Sets the merchant key without surrounding white space. Has no effect on a public operation.
    ///
    /// # Errors
    /// [`Refusal`] when the key is missing, or contains something that a header cannot contain.
    pub fn authorize(&mut self, merchant_key: &str) -> Result<(), Refusal> {
        let key = merchant_key.trim_ascii();
        if key.is_empty() {
            return Err(Refusal::new(
                RefusalCode::MerchantKeyMissing,
                &[
                    "merchantApiKey is required by ",
                    self.operation.name,
                    ": pass it to the constructor, or set GWOP_MERCHANT_API_KEY (on Cloudflare Workers, process.env needs \
                     nodejs_compat and a compatibility date of 2025-04-01 or later)",
                ],
            ));
        }
        if !is_header_value(key) {
            return Err(Refusal::new(
                RefusalCode::Argument,
                &[
                    "merchantApiKey must be printable ASCII characters: check that it was copied whole and alone",
                ],
            ));
        }
        if self.operation.authorized {
            self.authorization = ["Bearer ", key].concat();
        }
        Ok(())
    }

    /// Returns the idempotency key of the latest attempt, so that the caller can continue with it.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        (!self.idempotency_key.is_empty()).then_some(&*self.idempotency_key)
    }

    /// Returns whether the next [`Self::attempt`] makes an idempotency key from its randomness.
    #[must_use]
    pub fn takes_random(&self) -> bool {
        self.attempts > 0
            && self.operation.idempotency == Idempotency::FreshKey
            && !self.key_is_the_callers
    }

    /// Returns the next attempt. `random` becomes the idempotency key if every attempt uses a new
    /// one.
    pub fn attempt(&mut self, now_ms: i64, random: &[u8; 16]) -> Request<'_> {
        if self.attempts == 0 {
            self.started_ms = now_ms;
        } else if self.takes_random() {
            self.idempotency_key = uuid_v4(random);
        }
        self.attempts = self.attempts.saturating_add(1);

        Request {
            method: self.operation.method,
            url: &self.url,
            body: &self.body,
            authorization: &self.authorization,
            idempotency_key: &self.idempotency_key,
        }
    }

    /// Evaluates the response to the latest attempt.
    pub fn on_response(&self, response: &Response, moment: Moment) -> Step {
        if response.is_success() {
            return self.read(response);
        }
        let outcome = Outcome::Status {
            status: response.status,
            retry_after: response.retry_after.as_deref(),
        };
        self.evaluate(Some(outcome), moment, status_fault(response))
    }

    /// Evaluates the latest attempt, which had no response.
    pub fn on_failure(&self, failure: Failure, moment: Moment) -> Step {
        let outcome = match failure {
            Failure::Connection => Some(Outcome::Connection),
            Failure::Timeout => Some(Outcome::Timeout),
            _ => None,
        };
        let fault = Fault {
            kind: FaultKind::NoResponse(failure),
            message: self.no_response(failure),
            error: None,
            exhausted: false,
        };
        self.evaluate(outcome, moment, fault)
    }

    /// Returns another attempt, or the end of the call with `fault`.
    fn evaluate(&self, outcome: Option<Outcome<'_>>, moment: Moment, mut fault: Fault) -> Step {
        let repeatable =
            self.operation.idempotency != Idempotency::FreshKey || !self.key_is_the_callers;
        if let Some(outcome) = outcome.filter(|_| repeatable) {
            let retries = self.attempts.saturating_sub(1);
            let elapsed_ms = moment.now_ms.saturating_sub(self.started_ms);
            let verdict =
                self.policy
                    .evaluate(outcome, retries, elapsed_ms, moment.now_ms, moment.jitter);
            if let Verdict::Retry(delay_ms) = verdict {
                return Step::Retry { delay_ms };
            }
            fault.exhausted = verdict == Verdict::Exhausted && retries > 0;
        }
        Step::Fail(fault)
    }

    /// Returns the response in the caller's naming, or why it cannot be read.
    fn read(&self, response: &Response) -> Step {
        let mut sentence = String::new();
        let reason = if response.truncated {
            "it is longer than 10 MiB"
        } else if response.body.is_empty() {
            "it is empty"
        } else if let Ok(root) = Value::parse_object(&response.body) {
            if self.naming == Naming::JavaScript {
                let decoded = match &root {
                    Some(root) => decode(self.operation.response, root),
                    None => Err(Mismatch::no_object()),
                };
                match decoded {
                    Ok(decoded) => return Step::Done(decoded),
                    Err(mismatch) => sentence.push_str(&mismatch.sentence("answer")),
                }
                &sentence
            } else if root.is_some()
                && let Ok(body) = std::str::from_utf8(&response.body)
            {
                return Step::Done(Decoded {
                    json: body.to_owned(),
                    times: String::from("[]"),
                });
            } else {
                "it is not an object"
            }
        } else {
            "it is not JSON; check that the server URL is Gwop's and nothing between answers in its place"
        };
        Step::Fail(Fault {
            kind: FaultKind::ResponseValidation,
            message: [
                "Gwop answered ",
                self.operation.name,
                " with success, but the answer cannot be read: ",
                reason,
            ]
            .concat(),
            error: None,
            exhausted: false,
        })
    }

    /// Returns a message about a call without a response.
    fn no_response(&self, failure: Failure) -> String {
        let what = match failure {
            Failure::Connection => "the connection failed",
            Failure::Timeout => "no whole answer came within timeoutMs",
            Failure::Aborted => "the caller's signal aborted it",
            Failure::InvalidRequest => {
                "the runtime refused the request; check the server URL and the headers option"
            }
            Failure::NoRandomness => "the platform gave no random bytes; try again",
            Failure::Unexpected => "the HTTP client failed; see cause",
        };
        let may_have_happened =
            failure != Failure::InvalidRequest && self.operation.method != "GET";
        let advice = match self.operation.idempotency {
            _ if !may_have_happened => "",
            Idempotency::StoredKey => {
                ". Whether Gwop carried it out is unknown: repeat it with this error's idempotencyKey"
            }
            Idempotency::FreshKey => {
                ". Whether Gwop carried it out is unknown: repeat it with a fresh idempotencyKey"
            }
            Idempotency::Natural => {
                ". Whether Gwop carried it out is unknown: repeat it, which is safe"
            }
        };
        [self.operation.name, ": ", what, advice].concat()
    }
}

/// Returns the fault of an error response.
fn status_fault(response: &Response) -> Fault {
    if response.status >= 400
        && !response.truncated
        && let Some(error) = parse_error_body(&response.body)
    {
        return Fault {
            kind: if response.status == 429 {
                FaultKind::RateLimit
            } else {
                FaultKind::ErrorResponse
            },
            error: Some(error.json),
            message: error.message,
            exhausted: false,
        };
    }
    let mut message = String::from("Unexpected answer: status ");
    message.push_str(&response.status.to_string());
    message.push_str(if matches!(response.status, 0 | 300..=303 | 305..=399) {
        ", a redirect, which is never followed; check the server URL"
    } else {
        " without a structured error"
    });
    Fault {
        kind: FaultKind::Default,
        message,
        error: None,
        exhausted: false,
    }
}

/// Returns whether the text is a valid id. Every URL parser would resolve a segment `.` or `..`,
/// even if it is encoded.
fn is_id(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.is_empty()
        && text.trim_ascii().len() == text.len()
}

/// Returns a random UUID, version 4 (RFC 9562 section 5.4).
fn uuid_v4(random: &[u8; 16]) -> String {
    let uuid = uuid::Builder::from_random_bytes(*random).into_uuid();
    uuid.to_string()
}
