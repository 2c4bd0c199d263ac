//! Paths to handlers.

use std::borrow::{Borrow, Cow};

use percent_encoding::percent_decode_str;

use super::platform::body::Incoming;
use super::platform::response::{Answer, Served, served};
use super::routes::{auth, operator, reconcile, webhook};
use worker::{Env, Request, Response, Result};

/// Answers any request to this Worker: webhooks, auth, reading and operating.
///
/// # Errors
/// Only where the platform refuses to make a `Response`; everything else is an answer.
pub async fn handle(request: Request, env: impl Borrow<Env>) -> Result<Response> {
    let served = serve(&Incoming::from(&request), env.borrow()).await;
    served.into_response()
}

/// As [`handle`], of a request that was looked at before.
pub async fn serve(request: &Incoming, env: &Env) -> Served {
    let method = request.method.as_str();
    let segments: Vec<Cow<'_, str>> = request.path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match segments.as_slice() {
        ["webhooks", "gwop"] => webhook::serve(request, env).await,
        ["auth", rest @ ..] => auth::handle(request, env, rest).await,
        ["invoices", id] if !id.is_empty() => {
            served("invoice", method, operator::read_invoice(request, env, id)).await
        }
        ["invoices", id, "replay"] if !id.is_empty() => {
            served("replay", method, operator::replay(request, env, id)).await
        }
        ["upgrade"] => served("upgrade", method, operator::upgrade(request, env)).await,
        ["reconcile"] => served("reconcile", method, reconcile::reconcile(request, env)).await,
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

/// A segment without its percent-encoding; as it is where that is no UTF-8.
fn decoded(segment: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.unwrap_or(Cow::Borrowed(segment))
}
