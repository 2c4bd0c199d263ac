//! Maps paths to handlers.

use std::borrow::{Borrow, Cow};

use percent_encoding::percent_decode_str;

use super::merchants::{self, Unusable};
use super::platform::body::Incoming;
use super::platform::response::Response;
use super::platform::served::{Served, served};
use super::routes::{auth, console, health, listing, operator, reconcile, webhook};
use super::telemetry;
use worker::{Env, Request, Result};

/// Handles any request to this Worker: webhooks, auth, reading and operating.
///
/// # Errors
/// Returns an error only if the platform refuses to create a `Response`. Every other failure is a
/// response too.
pub async fn handle(request: Request, env: impl Borrow<Env>) -> Result<worker::Response> {
    let served = serve(&Incoming::from(&request), env.borrow()).await;
    served.into_response()
}

/// Handles a request as [`handle`] does, from an [`Incoming`].
pub(super) async fn serve(request: &Incoming, env: &Env) -> Served {
    let segments: Vec<Cow<'_, str>> = request.path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    if let [key, rest @ ..] = segments.as_slice()
        && !rest.is_empty()
        && merchants::is_on(env)
    {
        match merchants::find(env, key).await {
            Ok(Some(of_merchant)) => return served_by(&request.of(key), &of_merchant, rest).await,
            Ok(None) => {}
            // With this response, Gwop delivers again.
            Err(why) => {
                let request = request.of(key);
                return served("none", &request, unusable(&request, &why)).await;
            }
        }
    }
    served_by(request, env, &segments).await
}

async fn unusable(request: &Incoming, why: &Unusable) -> Response {
    request.drain().await;
    let code = match why {
        Unusable::Unread | Unusable::Full => "UNAVAILABLE",
        Unusable::NotUnderstood | Unusable::Shared(_) => "MERCHANTS_NOT_CONFIGURED",
    };
    Response::error(503, code, &why.to_string()).header("retry-after", "5")
}

/// Serves the path, and schedules the report of what was counted.
async fn served_by(request: &Incoming, env: &Env, path: &[&str]) -> Served {
    let served = routed(request, env, path).await;
    telemetry::flush_later(env);
    served
}

async fn routed(request: &Incoming, env: &Env, path: &[&str]) -> Served {
    match path {
        ["webhooks", "gwop"] => webhook::serve(request, env).await,
        ["auth", rest @ ..] => auth::handle(request, env, rest).await,
        ["invoices"] => served("invoices", request, listing::invoices(request, env)).await,
        ["invoices", id] if !id.is_empty() => {
            served("invoice", request, operator::read_invoice(request, env, id)).await
        }
        ["invoices", id, "replay"] if !id.is_empty() => {
            served("replay", request, operator::replay(request, env, id)).await
        }
        ["events"] => served("events", request, listing::events(request, env)).await,
        ["events", "replay"] => {
            served("events_replay", request, listing::replay(request, env)).await
        }
        ["upgrade"] => served("upgrade", request, operator::upgrade(request, env)).await,
        ["reconcile"] => served("reconcile", request, reconcile::reconcile(request, env)).await,
        ["healthz"] => served("healthz", request, health::health(request, env)).await,
        ["metrics"] => served("metrics", request, health::metrics(request, env)).await,
        ["console"] => served("console", request, console::page(request, env)).await,
        #[cfg(feature = "worker-test")]
        ["test", what] => super::test_routes::handle(request, env, what).await,
        _ => {
            let nothing = async {
                request.drain().await;
                Response::not_found()
            };
            served("none", request, nothing).await
        }
    }
}

/// Decodes the percent-encoding of a segment. Returns it unchanged if the result is not UTF-8.
fn decoded(segment: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.unwrap_or(Cow::Borrowed(segment))
}
