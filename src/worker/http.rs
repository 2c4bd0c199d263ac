//! Requests in, answers out: bounded bodies, the headers that every answer carries, one log line per request.

use std::cell::RefCell;
use std::future::Future;

use js_sys::futures::JsFuture;
use js_sys::{Reflect, Uint8Array};
use serde::Serialize;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader};
use worker::{Headers, Request, Response, ResponseBuilder, Result};

use super::log::{self, Level};

/// How much of a refused body is read before the answer. Cancelling the stream instead would poison the connection for the
/// next request under wrangler.
const DRAIN_BYTES: usize = 1024 * 1024;

/// An answer, before it becomes a `Response`.
pub struct Answer {
    status: u16,
    body: Option<String>,
    headers: Vec<(&'static str, String)>,
    /// What the log line calls it.
    outcome: String,
    /// More of the log line.
    about: Vec<(&'static str, Value)>,
    /// Somebody has to look, whatever the status.
    alarming: bool,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: u16, outcome: &str, body: &impl Serialize) -> Self {
        Self {
            status,
            body: serde_json::to_string(body).ok(),
            ..Self::empty(status, outcome)
        }
    }

    /// An answer without a body.
    pub fn empty(status: u16, outcome: &str) -> Self {
        Self {
            status,
            body: None,
            headers: vec![],
            outcome: outcome.to_owned(),
            about: vec![],
            alarming: status >= 500,
        }
    }

    /// `{ "error": { "code", "message" } }`, as Gwop itself answers. The code is the log line's outcome.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({ "error": { "code": code, "message": message } });
        Self::json(status, code, &body)
    }

    /// There is nothing at this path.
    pub fn not_found() -> Self {
        Self::error(404, "NOT_FOUND", "There is nothing here")
    }

    /// The path is there, for other methods.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::error(
            405,
            "METHOD_NOT_ALLOWED",
            "Use a method that the Allow header names",
        )
        .header("allow", allow)
    }

    /// Storage cannot be reached: the same request later may work.
    pub fn unavailable() -> Self {
        Self::error(
            503,
            "UNAVAILABLE",
            "Storage is not available now: try again",
        )
        .header("retry-after", "5")
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds fields to the log line: nothing secret.
    pub fn about(mut self, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.about.extend(fields);
        self
    }

    /// Makes the log line an error, whatever the status.
    pub fn alarming(mut self) -> Self {
        self.alarming = true;
        self
    }

    /// The `Response`, with a request id of its own.
    ///
    /// # Errors
    /// Only where the platform refuses to make one.
    pub fn respond(self) -> Result<Response> {
        self.into_response(&random_uuid())
    }

    fn into_response(self, request_id: &str) -> Result<Response> {
        let headers = common_headers()?;
        headers.set("x-request-id", request_id)?;
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        let builder = ResponseBuilder::new().with_status(self.status);
        Ok(match self.body {
            Some(body) => {
                headers.set("content-type", "application/json")?;
                builder.with_headers(headers).fixed(body.into_bytes())
            }
            None => builder.with_headers(headers).empty(),
        })
    }
}

const COMMON_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
];

/// A copy of [`COMMON_HEADERS`]: one call to the platform instead of one per header.
fn common_headers() -> Result<Headers> {
    thread_local! {
        static COMMON: RefCell<Option<Headers>> = const { RefCell::new(None) };
    }
    COMMON.with_borrow_mut(|common| {
        if common.is_none() {
            let headers = Headers::new();
            for (name, value) in COMMON_HEADERS {
                headers.set(name, value)?;
            }
            *common = Some(headers);
        }
        match common {
            Some(headers) => Ok(Headers(web_sys::Headers::new_with_headers(&headers.0)?)),
            None => Ok(Headers::new()),
        }
    })
}

/// Runs the work of one request, and writes its log line.
///
/// # Errors
/// Only where the platform refuses to make a `Response`.
pub async fn served(
    route: &'static str,
    method: &str,
    work: impl Future<Output = Answer>,
) -> Result<Response> {
    let started = js_sys::Date::now();
    let request_id = random_uuid();
    let answer = work.await;
    let level = if answer.alarming {
        Level::Error
    } else {
        Level::Info
    };
    let own = [
        ("request_id", request_id.as_str().into()),
        ("route", route.into()),
        ("method", method.into()),
        ("status", answer.status.into()),
        ("outcome", answer.outcome.as_str().into()),
        ("duration_ms", (js_sys::Date::now() - started).into()),
    ];
    log::line(level, "request", own.iter().chain(&answer.about));
    answer.into_response(&request_id)
}

/// A version 4 UUID of the platform's randomness.
fn random_uuid() -> String {
    let global: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
    let crypto = global.crypto();
    crypto.map_or_else(|_| String::new(), |crypto| crypto.random_uuid())
}

/// Why a body was not read.
pub enum BodyError {
    /// It has more bytes than allowed.
    TooLarge,
    /// It ended in an error.
    Broken,
}

impl BodyError {
    /// The answer to it.
    pub fn answer(self) -> Answer {
        match self {
            Self::TooLarge => Answer::error(413, "BODY_TOO_LARGE", "The body has too many bytes"),
            Self::Broken => {
                Answer::error(400, "BODY_BROKEN", "The body could not be read to its end")
            }
        }
    }
}

/// Reads the raw bytes of a body.
///
/// # Errors
/// [`BodyError`], after up to [`DRAIN_BYTES`] were read and dropped.
pub async fn read_body(request: &Request, limit: usize) -> std::result::Result<Vec<u8>, BodyError> {
    let declared = declared_length(request);
    if declared.is_some_and(|length| length > limit) {
        drain(request).await;
        return Err(BodyError::TooLarge);
    }
    if declared.is_some() {
        // The platform holds the body to its declared length.
        return whole_body(request).await.map_err(|_| BodyError::Broken);
    }
    let Some(mut chunks) = request.inner().body().and_then(|body| Chunks::of(&body)) else {
        return Ok(vec![]);
    };
    let mut body = Vec::new();
    loop {
        match chunks.next().await {
            Ok(Some(chunk)) => {
                let length = usize::try_from(chunk.length()).unwrap_or(usize::MAX);
                if body.len().saturating_add(length) > limit {
                    chunks.drain().await;
                    return Err(BodyError::TooLarge);
                }
                body.extend(chunk.to_vec());
            }
            Ok(None) => return Ok(body),
            Err(_) => return Err(BodyError::Broken),
        }
    }
}

async fn whole_body(request: &Request) -> std::result::Result<Vec<u8>, JsValue> {
    let bytes = JsFuture::from(request.inner().array_buffer()?).await?;
    Ok(Uint8Array::new(&bytes).to_vec())
}

/// The request's method as it came: [`worker::Method`] takes one that it does not know for `GET`.
pub fn method(request: &Request) -> String {
    request.inner().method()
}

/// How many bytes a body has, as far as it says so.
fn declared_length(request: &Request) -> Option<usize> {
    let value = request.headers().get("content-length").ok().flatten()?;
    value.parse().ok()
}

/// Reads and drops a body that nobody wants, up to [`DRAIN_BYTES`]. One that says that it is longer is left alone: under wrangler half a
/// body that was read is worse than none.
pub async fn drain(request: &Request) {
    if declared_length(request).is_some_and(|length| length > DRAIN_BYTES) {
        return;
    }
    if let Some(mut chunks) = request.inner().body().and_then(|body| Chunks::of(&body)) {
        chunks.drain().await;
    }
}

/// A body's stream. Unlike a Rust stream it is not cancelled when it is dropped.
pub struct Chunks {
    reader: ReadableStreamDefaultReader,
    read: usize,
}

impl Chunks {
    /// The chunks of a stream that nobody reads yet.
    pub fn of(stream: &ReadableStream) -> Option<Self> {
        if stream.locked() {
            return None;
        }
        Some(Self {
            reader: stream.get_reader().unchecked_into(),
            read: 0,
        })
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// Where the stream ends in an error.
    pub async fn next(&mut self) -> std::result::Result<Option<Uint8Array>, JsValue> {
        let chunk = JsFuture::from(self.reader.read()).await?;
        let done = Reflect::get(&chunk, &"done".into())?;
        if done.is_truthy() {
            return Ok(None);
        }
        let value: Uint8Array = Reflect::get(&chunk, &"value".into())?.dyn_into()?;
        let length = usize::try_from(value.length()).unwrap_or(usize::MAX);
        self.read = self.read.saturating_add(length);
        Ok(Some(value))
    }

    /// Reads and drops, up to [`DRAIN_BYTES`] in all.
    pub async fn drain(&mut self) {
        while self.read < DRAIN_BYTES {
            if !matches!(self.next().await, Ok(Some(_))) {
                return;
            }
        }
    }
}

/// Whether the body's media type is JSON, or not told.
pub fn may_be_json(request: &Request) -> bool {
    let value = request.headers().get("content-type").ok().flatten();
    let value = value.unwrap_or_default().to_ascii_lowercase();
    // A header that came twice is one, joined by a comma.
    value.split(',').all(|value| {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        media_type.is_empty()
            || media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    })
}

/// The credentials of `Authorization: Bearer …` (RFC 6750 section 2.1); `None` where there are none.
pub fn bearer(request: &Request) -> Option<String> {
    let value = request.headers().get("authorization").ok()??;
    let (scheme, credentials) = value.trim().split_once(' ')?;
    let credentials = credentials.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !credentials.is_empty())
        .then(|| credentials.to_owned())
}
