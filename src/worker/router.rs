//! Paths to handlers.

use std::borrow::{Borrow, Cow};

use worker::{Env, Request, Response, Result};

use super::http::{Answer, Served, served};
use super::incoming::Incoming;
use super::objects::percent_decoded;
use super::{auth, operator, webhook};

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
    let segments: Vec<Cow<'_, str>> = request
        .path
        .split('/')
        .skip(1)
        .map(percent_decoded)
        .collect();
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
