//! Incoming requests: their metadata, and reading their bodies within bounds.

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

/// How many bytes of a refused body are read before the response. Canceling the stream instead
/// would break the connection for the next request under wrangler.
const DRAIN_BYTES: usize = 1024 * 1024;
/// How long a refused body is read before the response.
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A request as the platform provides it. Creating `worker`'s own request would also read `cf`,
/// which the platform then builds.
pub(crate) struct Incoming {
    request: web_sys::Request,
    headers: web_sys::Headers,
    /// The method as received. [`worker::Method`] maps an unknown method to `GET`.
    pub method: String,
    /// The path of the URL, or the one that a merchant's router has set with `Request::path_mut`.
    pub path: String,
    /// The key of the merchant that the path names. Empty if there is only one merchant.
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
        // Clones the handle, not the request: `inner().clone()` would call the Fetch API's method.
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

    /// Returns the same request for the merchant with this key.
    pub(crate) fn of(&self, merchant: &str) -> Self {
        let request = Clone::clone(&self.request);
        Self {
            merchant: merchant.to_owned(),
            ..Self::new(request, self.path.clone())
        }
    }

    /// Returns the request as `worker`'s type.
    #[cfg(feature = "worker-test")]
    pub(crate) fn whole(&self) -> Request {
        Clone::clone(&self.request).into()
    }

    /// Returns the decoded query parameters in their order.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let url = worker::Url::parse(&self.request.url());
        url.map(|url| url.query_pairs().into_owned().collect())
            .unwrap_or_default()
    }

    /// Returns the value of a header. Several values are joined by commas.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// Returns whether the body's media type is JSON or absent.
    pub(crate) fn may_be_json(&self) -> bool {
        let value = self.header("content-type");
        let value = value.unwrap_or_default().to_ascii_lowercase();
        // A header that was sent twice has one value, joined by a comma.
        value.split(',').all(|value| {
            let media_type = value.split(';').next().unwrap_or_default().trim();
            media_type.is_empty()
                || media_type == "application/json"
                || (media_type.starts_with("application/") && media_type.ends_with("+json"))
        })
    }

    /// Returns the credentials of `Authorization: Bearer …`, or `None` if there are none. An operator
    /// may have chosen a token with spaces.
    pub(crate) fn bearer(&self) -> Option<String> {
        let value = self.header("authorization")?;
        let (scheme, credentials) = value.trim().split_once(' ')?;
        let credentials = credentials.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !credentials.is_empty())
            .then(|| credentials.to_owned())
    }

    /// Returns the length of the body in bytes, if `Content-Length` states it.
    fn declared_length(&self) -> Option<usize> {
        let value = self.header("content-length")?;
        value.parse().ok()
    }

    /// Reads the raw bytes of a body, within [`BODY_TIME`].
    ///
    /// # Errors
    /// Returns [`BodyError`] after reading and dropping up to [`DRAIN_BYTES`].
    pub(crate) async fn read_body(&self, limit: usize) -> std::result::Result<Vec<u8>, BodyError> {
        let declared = self.declared_length();
        // If the length is declared, `body` is not called: the call would create a stream.
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
            // The platform limits the body to its declared length.
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

    /// Reads and drops a body that is not needed, up to [`DRAIN_BYTES`] and for [`DRAIN_TIME`]. It
    /// does not read a body whose declared length is greater: under wrangler, a body that was read
    /// by half is worse than one that was not read.
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

/// Returns the output of `work`, or `None` if it takes longer than `limit`.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), Delay::from(limit)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}

/// Returns the path of an absolute URL.
fn path_of(url: &str) -> &str {
    // The path begins after the two slashes of the scheme.
    let third = url.match_indices('/').nth(2);
    let path = third.and_then(|(at, _)| url.get(at..)).unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Why a body could not be read.
pub(crate) enum BodyError {
    /// The body has more bytes than allowed.
    TooLarge,
    /// The body ended in an error.
    Broken,
    /// The body did not arrive in time.
    Late,
}

impl BodyError {
    /// Returns the response to a request with this error.
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

/// The stream of a body. Unlike a Rust stream, dropping it does not cancel it.
pub(crate) struct Chunks {
    reader: ReadableStreamDefaultReader,
    read: usize,
}

impl Chunks {
    /// Returns the chunks of a stream, or `None` if the stream has a reader already.
    pub(crate) fn of(stream: &ReadableStream) -> Option<Self> {
        if stream.locked() {
            return None;
        }
        Some(Self {
            reader: stream.get_reader().unchecked_into(),
            read: 0,
        })
    }

    /// Returns the next chunk, or `None` at the end.
    ///
    /// # Errors
    /// Returns an error if the stream ends in one.
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

    /// Reads and drops chunks, up to [`DRAIN_BYTES`] in total.
    pub(crate) async fn drain(&mut self) {
        while self.read < DRAIN_BYTES {
            if !matches!(self.next().await, Ok(Some(_))) {
                return;
            }
        }
    }
}
