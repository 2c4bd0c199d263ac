//! Paths to handlers.

use std::borrow::{Borrow, Cow};

use worker::{Env, Request, Response, Result};

use super::http::{Answer, served};
use super::incoming::Incoming;
use super::{auth, operator, webhook};

/// Answers any request to this Worker: webhooks, auth, reading and operating.
///
/// # Errors
/// Only where the platform refuses to make a `Response`; everything else is an answer.
pub async fn handle(request: Request, env: impl Borrow<Env>) -> Result<Response> {
    respond(&Incoming::from(&request), env.borrow()).await
}

/// As [`handle`], of a request that was looked at before.
pub async fn respond(request: &Incoming, env: &Env) -> Result<Response> {
    let method = request.method.as_str();
    let segments: Vec<Cow<'_, str>> = request.path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match segments.as_slice() {
        ["webhooks", "gwop"] => webhook::respond(request, env).await,
        ["auth", rest @ ..] => auth::handle(request, env, rest).await,
        ["invoices", id] if !id.is_empty() => {
            served("invoice", method, operator::read_invoice(request, env, id)).await
        }
        ["invoices", id, "replay"] if !id.is_empty() => {
            served("replay", method, operator::replay(request, env, id)).await
        }
        ["healthz"] => served("healthz", method, operator::health(request, env)).await,
        #[cfg(feature = "worker-test")]
        ["test", what] => super::test_routes::handle(request, env, what).await,
        _ => {
            let nothing = async {
                request.drain().await;
                Answer::not_found()
            };
            served("none", method, nothing).await
        }
    }
}

/// A path segment without its percent-encoding; as it is where that is malformed.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return segment.into();
    }
    let decoded = js_sys::decode_uri_component(segment).map(String::from);
    decoded.map_or_else(|_| segment.into(), Cow::from)
}
