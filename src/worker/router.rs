//! Paths to handlers.

use std::borrow::Borrow;

use worker::{Env, Request, Response, Result};

use super::http::{Answer, drain, method, served};
use super::{auth, operator, webhook};

/// Answers any request to this Worker: webhooks, auth, reading and operating.
///
/// # Errors
/// Only where the platform refuses to make a `Response`; everything else is an answer.
pub async fn handle(request: Request, env: impl Borrow<Env>) -> Result<Response> {
    let env = env.borrow();
    let method = method(&request);
    let method = method.as_str();
    let path = request.path();
    let segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["webhooks", "gwop"] => webhook::handle_webhook(request, env).await,
        ["auth", rest @ ..] => auth::handle(&request, env, rest).await,
        ["invoices", id] if !id.is_empty() => {
            served("invoice", method, operator::read_invoice(&request, env, id)).await
        }
        ["invoices", id, "replay"] if !id.is_empty() => {
            served("replay", method, operator::replay(&request, env, id)).await
        }
        ["healthz"] => served("healthz", method, operator::health(&request, env)).await,
        #[cfg(feature = "worker-test")]
        ["test", what] => super::test_routes::handle(&request, env, what).await,
        _ => {
            let nothing = async {
                drain(&request).await;
                Answer::not_found()
            };
            served("none", method, nothing).await
        }
    }
}

/// A path segment without its percent-encoding; as it is where that is malformed.
fn decoded(segment: &str) -> String {
    js_sys::decode_uri_component(segment).map_or_else(|_| segment.to_owned(), String::from)
}
