//! The platform's rate limiter, if it is bound.

use worker::Env;

use crate::worker::bounds::client_of;
use crate::worker::platform::body::Incoming;
use crate::worker::platform::response::Response;
use crate::worker::platform::{config, log};

/// Returns a 429 response if this client has reached the rate limit. `what` separates the limits of
/// different requests.
pub(super) async fn limited(request: &Incoming, env: &Env, what: &str) -> Option<Response> {
    let limiter = env.rate_limiter(config::AUTH_RATE_LIMITER).ok()?;
    let client = request.header("cf-connecting-ip");
    let client = client.map_or_else(|| "unknown".to_owned(), |address| client_of(&address));
    // Each merchant counts the same client separately.
    let key = if request.merchant.is_empty() {
        [what, " ", &client].concat()
    } else {
        [what, " ", &request.merchant, " ", &client].concat()
    };
    match limiter.limit(key).await {
        Ok(outcome) if !outcome.success => {
            request.drain().await;
            let response =
                Response::error(429, "RATE_LIMITED", "Too many requests: try again later");
            Some(response.header("retry-after", "60"))
        }
        Ok(_) => None,
        Err(error) => {
            // A failing rate limiter must not lock everybody out.
            log::error_of(
                env,
                "rate_limiter_failed",
                &[("error", error.to_string().into())],
            );
            None
        }
    }
}
