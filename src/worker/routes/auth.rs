//! `/auth/…`: challenges for agents, tokens for those who requested them, and the identity behind a
//! request.

use serde::Deserialize;
use serde_json::{Value, json};
use worker::Env;

use crate::exchange::{exchange_secret, idempotency_key, is_exchange_secret};
use crate::token::Rejection;
use crate::worker::auth::{AuthError, LATER_SECONDS, ask_object, authenticated, is_on, verified};
use crate::worker::bounds::metadata_problem;
use crate::worker::gwop::{CallError, call, call_for_agent};
use crate::worker::platform::body::{BodyError, Incoming};
use crate::worker::platform::response::Response;
use crate::worker::platform::served::{Served, served};
use crate::worker::platform::{config, iso_8601, log};
use crate::worker::sessions::object::SessionCall;

use super::limit::limited;

/// The header that lets a page of this origin read the response in a browser.
const ALLOW_ORIGIN: &str = "access-control-allow-origin";
/// After how many seconds an agent should ask again for a token that it has not paid for yet.
const NOT_SETTLED_SECONDS: &str = "2";

/// Handles everything under `/auth/`.
pub(crate) async fn handle(request: &Incoming, env: &Env, path: &[&str]) -> Served {
    let method = request.method.as_str();
    let cors = cors(request, env);
    let allowed = cors.iter().any(|(name, _)| *name == ALLOW_ORIGIN);
    let preflight = method == "OPTIONS" && allowed;
    let work = async {
        let response = match (path, method) {
            _ if preflight => Response::empty(204, "preflight")
                .header("access-control-allow-methods", "GET, POST, DELETE")
                .header(
                    "access-control-allow-headers",
                    "authorization, content-type",
                )
                .header("access-control-max-age", "600"),
            (["intents"], "POST") => create_intent(request, env).await,
            (["intents", id, "exchange"], "POST") => exchange(request, env, id).await,
            (["session"], "GET") => session(request, env).await,
            (["session"], "DELETE") => revoke(request, env).await,
            (["verify"], "GET") => forward_auth(request, env).await,
            (["intents"] | ["intents", _, "exchange"], _) => refuse_method(request, "POST").await,
            (["session"], _) => refuse_method(request, "GET, DELETE").await,
            (["verify"], _) => refuse_method(request, "GET").await,
            _ => {
                request.drain().await;
                Response::not_found()
            }
        };
        cors.into_iter().fold(response, |response, (name, value)| {
            response.header(name, value)
        })
    };
    let route = match path {
        ["intents"] => "auth_intent",
        ["intents", ..] => "auth_exchange",
        ["session"] => "auth_session",
        ["verify"] => "auth_verify",
        _ => "none",
    };
    served(route, request, work).await
}

async fn refuse_method(request: &Incoming, allow: &'static str) -> Response {
    request.drain().await;
    Response::method_not_allowed(allow)
}

/// Returns the headers that let a browser of a configured origin read the response. Returns none if
/// CORS is off.
fn cors(request: &Incoming, env: &Env) -> Vec<(&'static str, String)> {
    let origin = request.header("origin");
    let known = config::list(env, config::CORS_ORIGINS);
    match origin.filter(|origin| known.contains(origin)) {
        Some(origin) => vec![(ALLOW_ORIGIN, origin), ("vary", "origin".to_owned())],
        None if known.is_empty() => vec![],
        // The response still depends on the origin.
        None => vec![("vary", "origin".to_owned())],
    }
}

/// Returns the JSON object of a request, or `{}` for an empty body.
///
/// # Errors
/// Returns the response to give if auth is off, the rate limit is reached, or the media type or the
/// body is wrong.
async fn admitted(request: &Incoming, env: &Env) -> std::result::Result<Value, Response> {
    if !is_on(env) {
        request.drain().await;
        return Err(AuthError::NotConfigured.response());
    }
    if let Some(response) = limited(request, env, "auth").await {
        return Err(response);
    }
    if !request.may_be_json() {
        request.drain().await;
        return Err(Response::error(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "Send application/json",
        ));
    }
    let body = request.read_body(config::max_body_bytes(env)).await;
    let body = body.map_err(BodyError::response)?;
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        _ => Err(invalid("The body must be a JSON object")),
    }
}

fn invalid(message: &str) -> Response {
    Response::error(400, "VALIDATION_ERROR", message)
}

/// `POST /auth/intents`: creates a challenge for the agent.
async fn create_intent(request: &Incoming, env: &Env) -> Response {
    let body = match admitted(request, env).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let auth_secrets = config::list(env, config::AUTH_SECRET);
    let Some(auth_secret) = auth_secrets.first() else {
        return AuthError::NotConfigured.response();
    };
    if let Some(problem) = body.get("metadata").and_then(metadata_problem) {
        return invalid(problem);
    }
    let argument = json!({ "body": body });
    let mut intent = match call_for_agent(env, "authIntents.create", &argument).await {
        Ok(intent) => intent,
        Err((error, wait)) => return gwop_error("authIntents.create", &error, wait),
    };
    let id = intent.get("auth_intent_id").and_then(Value::as_str);
    let secret = exchange_secret(auth_secret, id.unwrap_or_default());
    if let Some(members) = intent.as_object_mut() {
        members.insert("exchange_secret".to_owned(), secret.into());
    }
    Response::json(201, "created", &intent)
}

/// `POST /auth/intents/{id}/exchange` with `{ "exchange_secret": "…" }`: returns the token to
/// whoever requested the intent.
async fn exchange(request: &Incoming, env: &Env, id: &str) -> Response {
    #[derive(Deserialize)]
    struct Proof {
        exchange_secret: String,
    }
    let body = match admitted(request, env).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let Ok(Proof { exchange_secret }) = serde_json::from_value(body) else {
        return invalid(
            "Send { \"exchange_secret\": \"…\" } of the answer that created the intent",
        );
    };
    if !is_exchange_secret(
        &config::list(env, config::AUTH_SECRET),
        id,
        &exchange_secret,
    ) {
        return Response::error(
            403,
            "EXCHANGE_SECRET_INVALID",
            "The exchange_secret does not belong to this intent",
        );
    }
    let argument = json!({ "auth_intent_id": id, "idempotency_key": idempotency_key(id) });
    match call_for_agent(env, "authIntents.exchange", &argument).await {
        Ok(token) => Response::json(200, "exchanged", &token),
        Err((error, wait)) => gwop_error("authIntents.exchange", &error, wait),
    }
}

/// Returns the response to an agent for an error of Gwop. It passes on the errors that the agent
/// can correct, and hides all others. `wait` is how many seconds Gwop asks to wait.
fn gwop_error(operation: &str, error: &CallError, wait: Option<i64>) -> Response {
    let code = error.code().unwrap_or_default();
    match code.as_str() {
        "AUTH_INTENT_NOT_SETTLED" => Response::error(
            402,
            &code,
            "The challenge is not paid yet: pay it, then ask again",
        )
        .header("retry-after", NOT_SETTLED_SECONDS),
        "AUTH_INTENT_NOT_FOUND" => Response::error(404, &code, "There is no such intent"),
        "AUTH_INTENT_EXPIRED" => {
            Response::error(409, &code, "The intent has expired: create another one")
        }
        "AUTH_INTENT_USED" => Response::error(
            409,
            &code,
            "The intent has been exchanged: create another one",
        ),
        "VALIDATION_ERROR" => invalid("Gwop does not accept these values"),
        _ if error.is_argument() => invalid("These values are not of the kind that Gwop takes"),
        _ => {
            log::error(
                "gwop_failed",
                &[
                    ("operation", operation.into()),
                    ("error", error.brief().into()),
                ],
            );
            let status = if error.is_rate_limit() { 503 } else { 502 };
            Response::error(
                status,
                "GWOP_UNAVAILABLE",
                "Gwop cannot be reached now: try again",
            )
            .header(
                "retry-after",
                wait.map_or_else(|| LATER_SECONDS.to_owned(), |seconds| seconds.to_string()),
            )
        }
    }
}

/// `GET /auth/session`: returns the verified identity.
async fn session(request: &Incoming, env: &Env) -> Response {
    match authenticated(request, env).await {
        Ok(identity) => Response::json(
            200,
            "authenticated",
            &json!({
                "subject": identity.subject,
                "chain": identity.chain,
                "walletAddress": identity.wallet_address,
                "sessionId": identity.session_id,
                "merchantId": identity.merchant_id,
                "expiresAt": iso_8601(identity.expires_at_ms),
            }),
        ),
        Err(denied) => denied.response(),
    }
}

/// `GET /auth/verify`: forward auth for a gateway in front of an app.
async fn forward_auth(request: &Incoming, env: &Env) -> Response {
    match authenticated(request, env).await {
        Ok(identity) => identity.headers().into_iter().fold(
            Response::empty(204, "authenticated"),
            |response, (name, value)| response.header(name, value),
        ),
        Err(denied) => denied.response(),
    }
}

/// `DELETE /auth/session`: revokes the token's session, immediately in this Worker, and at Gwop.
async fn revoke(request: &Incoming, env: &Env) -> Response {
    request.drain().await;
    let identity = match verified(request, env).await {
        Ok(identity) => identity,
        Err(denied) => return denied.response(),
    };
    let Some(session_id) = &identity.session_id else {
        return AuthError::Token(Rejection::SESSION_REVOKED).response();
    };
    let revocation = SessionCall::Revoke {
        expires_at: identity.expires_at_ms,
    };
    // The Worker revokes it first: from now on no isolate accepts it, whatever the result of the
    // call to Gwop.
    if let Err(denied) = ask_object(env, session_id, &revocation).await {
        return denied.response();
    }
    match call(
        env,
        "authSessions.revoke",
        &json!({ "session_id": session_id }),
    )
    .await
    {
        Ok(_) => Response::json(200, "revoked", &json!({ "revoked": true })),
        Err(error) if error.code().as_deref() == Some("SESSION_NOT_FOUND") => {
            Response::json(200, "revoked", &json!({ "revoked": true }))
        }
        Err(error) => gwop_error("authSessions.revoke", &error, None),
    }
}
