//! Requests: what is read of them at once, and bounded bodies.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader};
use worker::{Delay, Request};

use super::response::Response;

/// How much of a refused body is read before the response. Cancelling the stream instead would
/// poison the connection for the next request under wrangler.
const DRAIN_BYTES: usize = 1024 * 1024;
/// How long a refused body is read before the response.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A request as the platform has it. Making `worker`'s own of it asks for `cf` too, which the platform then builds.
pub(crate) struct Incoming {
    request: web_sys::Request,
    headers: web_sys::Headers,
    /// The method as it came: [`worker::Method`] takes one that it does not know for `GET`.
    pub method: String,
    /// The path: that of the URL, or what a merchant's router has set by `Request::path_mut`.
    pub path: String,
    /// The key of the merchant whom the path names; empty where there is one merchant.
    pub merchant: String,
}

impl From<web_sys::Request> for Incoming {
    fn from(request: web_sys::Request) -> Self {
        let path = path_of(&request.url()).to_owned();
        Self::new(request, path)
    }
}

impl From<&Request> for Incoming {
    fn from(request: &Request) -> Self {
        // Another handle to the same request: `inner().clone()` would be the Fetch API's method.
        Self::new(Clone::clone(request.inner()), request.path())
    }
}

impl Incoming {
    fn new(request: web_sys::Request, path: String) -> Self {
        Self {
            headers: request.headers(),
            method: request.method(),
            path,
            merchant: String::new(),
            request,
        }
    }

    /// The same request, of a merchant.
    pub(crate) fn of(&self, merchant: &str) -> Self {
        let request = Clone::clone(&self.request);
        Self {
            merchant: merchant.to_owned(),
            ..Self::new(request, self.path.clone())
        }
    }

    /// The request as `worker` has it.
    #[cfg(feature = "worker-test")]
    pub(crate) fn whole(&self) -> Request {
        Clone::clone(&self.request).into()
    }

    /// The parameters of the query, decoded, in their order.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let url = worker::Url::parse(&self.request.url());
        url.map(|url| url.query_pairs().into_owned().collect())
            .unwrap_or_default()
    }

    /// The value of a header; several are joined by commas.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// Whether the body's media type is JSON, or not told.
    pub(crate) fn may_be_json(&self) -> bool {
        let value = self.header("content-type");
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
    pub(crate) fn bearer(&self) -> Option<String> {
        let value = self.header("authorization")?;
        let (scheme, credentials) = value.trim().split_once(' ')?;
        let credentials = credentials.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !credentials.is_empty())
            .then(|| credentials.to_owned())
    }

    /// How many bytes a body has, as far as it says so.
    fn declared_length(&self) -> Option<usize> {
        let value = self.header("content-length")?;
        value.parse().ok()
    }

    /// Reads the raw bytes of a body, within [`BODY_TIME`].
    ///
    /// # Errors
    /// [`BodyError`], after up to [`DRAIN_BYTES`] were read and dropped.
    pub(crate) async fn read_body(&self, limit: usize) -> std::result::Result<Vec<u8>, BodyError> {
        let declared = self.declared_length();
        // Where the length is declared, nobody asks for the body: that makes a stream of it.
        if declared.is_none() && self.request.body().is_none() {
            return Ok(vec![]);
        }
        let body = within(BODY_TIME, self.read_all(declared, limit)).await;
        let body = body.unwrap_or(Err(BodyError::Late));
        if matches!(body, Err(BodyError::TooLarge)) {
            self.drain().await;
        }
        body
    }

    async fn read_all(
        &self,
        declared: Option<usize>,
        limit: usize,
    ) -> std::result::Result<Vec<u8>, BodyError> {
        if declared.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge);
        }
        if declared.is_some() {
            // The platform holds the body to its declared length.
            return self.whole_body().await.map_err(|_| BodyError::Broken);
        }
        let Some(mut chunks) = self.request.body().and_then(|body| Chunks::of(&body)) else {
            return Ok(vec![]);
        };
        let mut body = Vec::new();
        loop {
            match chunks.next().await {
                Ok(Some(chunk)) => {
                    let length = usize::try_from(chunk.length()).unwrap_or(usize::MAX);
                    if body.len().saturating_add(length) > limit {
                        within(DRAIN_TIME, chunks.drain()).await;
                        return Err(BodyError::TooLarge);
                    }
                    body.extend(chunk.to_vec());
                }
                Ok(None) => return Ok(body),
                Err(_) => return Err(BodyError::Broken),
            }
        }
    }

    async fn whole_body(&self) -> std::result::Result<Vec<u8>, JsValue> {
        let bytes = JsFuture::from(self.request.array_buffer()?).await?;
        Ok(Uint8Array::new(&bytes).to_vec())
    }

    /// Reads and drops a body that nobody wants, up to [`DRAIN_BYTES`] and for [`DRAIN_TIME`]. One that says that it is longer is left alone: under wrangler half a
    /// body that was read is worse than none.
    pub(crate) async fn drain(&self) {
        if self
            .declared_length()
            .is_some_and(|length| length > DRAIN_BYTES)
        {
            return;
        }
        if let Some(mut chunks) = self.request.body().and_then(|body| Chunks::of(&body)) {
            within(DRAIN_TIME, chunks.drain()).await;
        }
    }
}

/// The outcome of some work, unless it takes longer.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), Delay::from(limit)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// The path of an absolute URL.
fn path_of(url: &str) -> &str {
    // After the two slashes of its scheme.
    let third = url.match_indices('/').nth(2);
    let path = third.and_then(|(at, _)| url.get(at..)).unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Why a body was not read.
pub(crate) enum BodyError {
    /// It has more bytes than allowed.
    TooLarge,
    /// It ended in an error.
    Broken,
    /// It did not arrive in time.
    Late,
}

impl BodyError {
    /// The response to it.
    pub(crate) fn response(self) -> Response {
        match self {
            Self::TooLarge => Response::error(413, "BODY_TOO_LARGE", "The body has too many bytes"),
            Self::Late => Response::error(408, "BODY_TIMEOUT", "The body did not arrive in time"),
            Self::Broken => {
                Response::error(400, "BODY_BROKEN", "The body could not be read to its end")
            }
        }
    }
}

/// A body's stream. Unlike a Rust stream it is not cancelled when it is dropped.
pub(crate) struct Chunks {
    reader: ReadableStreamDefaultReader,
    read: usize,
}

impl Chunks {
    /// The chunks of a stream that nobody reads yet.
    pub(crate) fn of(stream: &ReadableStream) -> Option<Self> {
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
    pub(crate) async fn next(&mut self) -> std::result::Result<Option<Uint8Array>, JsValue> {
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
    pub(crate) async fn drain(&mut self) {
        while self.read < DRAIN_BYTES {
            if !matches!(self.next().await, Ok(Some(_))) {
                return;
            }
        }
    }
}
