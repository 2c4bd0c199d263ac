//! One log line per request.

use std::future::Future;

use worker::Result;

use super::body::Incoming;
use super::log::{self, Level};
use super::response::Response;
use super::{now_ms, random_uuid};
use crate::worker::trace;

/// The response to a request whose log line has been written.
pub(crate) struct Served {
    response: Response,
    request_id: String,
}

impl Served {
    /// Returns the `Response` for a merchant's own Worker.
    ///
    /// # Errors
    /// Returns an error only if the platform refuses to create it.
    pub(crate) fn into_response(self) -> Result<worker::Response> {
        Ok(self.into_platform_response()?.into())
    }

    /// Returns the `Response` for the platform itself.
    ///
    /// # Errors
    /// Returns an error only if the platform refuses to create it.
    pub(crate) fn into_platform_response(self) -> Result<web_sys::Response> {
        self.response.platform_response(&self.request_id)
    }
}

/// Runs the work of one request, and writes its log line.
pub(crate) async fn served(
    route: &'static str,
    request: &Incoming,
    work: impl Future<Output = Response>,
) -> Served {
    let started = now_ms();
    let traceparent = request.header("traceparent");
    let traceparent = traceparent.as_deref().and_then(trace::parent);
    let (request_id, response) = match random_uuid() {
        Ok(request_id) => (request_id, work.await),
        Err(error) => {
            log::error("randomness_failed", &[("error", error.to_string().into())]);
            let response = Response::error(500, "INTERNAL_ERROR", "Internal error");
            (String::new(), response)
        }
    };
    let level = if response.alarming {
        Level::Error
    } else {
        Level::Info
    };
    let own = [
        ("request_id", request_id.as_str().into()),
        ("route", route.into()),
        ("method", request.method.as_str().into()),
        ("status", response.status.into()),
        ("outcome", response.outcome.as_str().into()),
        ("duration_ms", now_ms().saturating_sub(started).into()),
    ];
    let merchant =
        (!request.merchant.is_empty()).then(|| ("merchant", request.merchant.as_str().into()));
    let traced = traceparent.map(|parent| ("trace_id", trace::trace_id(&parent).into()));
    let fields = own
        .iter()
        .chain(&merchant)
        .chain(&response.about)
        .chain(&traced);
    log::line(level, "request", fields);
    Served {
        response,
        request_id,
    }
}
