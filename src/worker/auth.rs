//! Authenticates a request: verifies its token and checks the session.

use std::borrow::Borrow;

use serde_json::{Value, json};
use worker::{Env, Request, Result};

use super::gwop::call;
use super::identity::Identity;
use super::platform::body::Incoming;
use super::platform::response::Response;
use super::platform::{config, log, now_ms};
use super::sessions::client as sessions;
use super::sessions::object::SessionCall;
use super::verify::{self, Failure};
use crate::http_auth::{bearer_token, is_header_value};
use crate::session::SessionStatus;
use crate::token::{Code, Rejection};

/// The challenge of `WWW-Authenticate`, with the protected area (RFC 9110 section 11.5).
const CHALLENGE: &str = "Bearer realm=\"gwop\"";
/// How long a live response may be reused without `SESSION_CHECK`, in milliseconds.
const REUSE_MS: i64 = 30_000;
/// After how many seconds to retry if a service is overloaded or cannot be reached.
pub(super) const LATER_SECONDS: &str = "5";

/// Why a request could not be authenticated.
#[derive(Debug)]
pub enum AuthError {
    /// Auth is off: a variable is missing.
    NotConfigured,
    /// The request carries no bearer token.
    NoToken,
    /// The token is not valid.
    Token(Rejection),
    /// The subject or the session cannot be a header value, so no app could receive it.
    NotForHeaders,
    /// The result is unknown: keys or sessions cannot be looked up now.
    Unavailable,
}

impl AuthError {
    pub(super) fn response(self) -> Response {
        match self {
            Self::NotConfigured => {
                Response::error(503, "AUTH_NOT_CONFIGURED", "Auth is not configured here")
            }
            // Without credentials there is no error code (RFC 6750 section 3.1).
            Self::NoToken => Response::error(
                401,
                "TOKEN_REQUIRED",
                "Send an access token as Authorization: Bearer …",
            )
            .header("www-authenticate", CHALLENGE),
            Self::Token(rejection) => {
                let challenge = [
                    CHALLENGE,
                    ", error=\"invalid_token\", error_description=\"",
                    rejection.code.as_str(),
                    "\"",
                ];
                Response::error(401, rejection.code.as_str(), rejection.message)
                    .header("www-authenticate", challenge.concat())
            }
            Self::NotForHeaders => Response::error(
                401,
                Code::TokenMalformed.as_str(),
                "The token's subject or session is not printable ASCII",
            )
            .header(
                "www-authenticate",
                [CHALLENGE, ", error=\"invalid_token\""].concat(),
            ),
            Self::Unavailable => Response::error(
                503,
                "UNAVAILABLE",
                "The token can be neither accepted nor refused now: try again",
            )
            .header("retry-after", LATER_SECONDS),
        }
    }

    /// Returns the response: 401 with `WWW-Authenticate` (RFC 6750), or 503.
    ///
    /// # Errors
    /// Returns an error only if the platform refuses to create a `Response`.
    pub fn into_response(self) -> Result<worker::Response> {
        self.response().respond()
    }
}

/// Returns the identity behind a request. It verifies the token against Gwop's JWK Set, this
/// merchant's id and, if configured, an audience. It checks the session as `SESSION_CHECK`
/// requires.
///
/// # Errors
/// Returns [`AuthError`], which has the response to give.
pub async fn authenticate(
    request: impl Borrow<Request>,
    env: impl Borrow<Env>,
) -> std::result::Result<Identity, AuthError> {
    authenticated(&Incoming::from(request.borrow()), env.borrow()).await
}

/// Does the same as [`authenticate`], from an [`Incoming`].
pub(super) async fn authenticated(
    request: &Incoming,
    env: &Env,
) -> std::result::Result<Identity, AuthError> {
    let identity = verified(request, env).await?;
    check_session(env, &identity).await?;
    Ok(identity)
}

/// Returns the identity in the request's token, without checking its session.
pub(super) async fn verified(
    request: &Incoming,
    env: &Env,
) -> std::result::Result<Identity, AuthError> {
    if !is_on(env) {
        return Err(AuthError::NotConfigured);
    }
    let merchant_id =
        config::text(env, config::GWOP_MERCHANT_ID).ok_or(AuthError::NotConfigured)?;
    let authorization = request.header("authorization");
    let token = authorization.as_deref().and_then(bearer_token);
    let token = token.ok_or(AuthError::NoToken)?;
    let verified = verify::token(env, &merchant_id, token).await;
    if let Ok(identity) = &verified {
        if identity.session_id.as_deref() == Some("") {
            // An empty id names no session, and no object.
            return Err(AuthError::Token(Rejection::SESSION_REVOKED));
        }
        if !identity
            .headers()
            .iter()
            .all(|(_, value)| is_header_value(value))
        {
            return Err(AuthError::NotForHeaders);
        }
    }
    verified.map_err(|failure| match Failure::rejection(failure) {
        Some(rejection)
            if matches!(
                rejection.code,
                Code::JwksUnavailable | Code::TokenKeyUnsupported
            ) =>
        {
            log::error_of(env, "jwks_unavailable", &[]);
            AuthError::Unavailable
        }
        Some(rejection) => AuthError::Token(rejection),
        None => AuthError::Unavailable,
    })
}

pub(super) fn is_on(env: &Env) -> bool {
    config::missing_for_auth(env).is_empty()
}

/// Returns how long a live response may be reused, in milliseconds, or `None` for no check at all.
fn reuse_ms(env: &Env) -> Option<i64> {
    match config::text(env, config::SESSION_CHECK).as_deref() {
        None => Some(REUSE_MS),
        Some("never") => None,
        Some("always") => Some(0),
        Some(seconds) => {
            // An unreadable value must not weaken the check.
            let seconds = seconds.parse::<u32>().unwrap_or_else(|_| {
                log::error_of(
                    env,
                    "not_understood",
                    &[("variable", config::SESSION_CHECK.into())],
                );
                0
            });
            Some(i64::from(seconds).saturating_mul(1_000))
        }
    }
}

async fn check_session(env: &Env, identity: &Identity) -> std::result::Result<(), AuthError> {
    let Some(reuse_ms) = reuse_ms(env) else {
        return Ok(());
    };
    let ended = || Err(AuthError::Token(Rejection::SESSION_REVOKED));
    let Some(session_id) = &identity.session_id else {
        return ended();
    };
    match ask_object(env, session_id, &SessionCall::Check { reuse_ms }).await? {
        SessionStatus::Active => return Ok(()),
        SessionStatus::Ended => return ended(),
        SessionStatus::Unknown => {}
    }
    let asked_at = now_ms();
    let active = match call(
        env,
        "authSessions.get",
        &json!({ "session_id": session_id }),
    )
    .await
    {
        Ok(session) => session.get("status").and_then(Value::as_str) == Some("active"),
        // This result is not stored, because Gwop may not know a new session yet.
        Err(error) if error.code().as_deref() == Some("SESSION_NOT_FOUND") => return ended(),
        Err(error) => {
            let brief = [("error", error.brief().into())];
            log::error_of(env, "session_check_failed", &brief);
            return Err(AuthError::Unavailable);
        }
    };
    match ask_object(env, session_id, &SessionCall::Seen { active, asked_at }).await? {
        SessionStatus::Active => Ok(()),
        SessionStatus::Ended | SessionStatus::Unknown => ended(),
    }
}

pub(super) async fn ask_object(
    env: &Env,
    session_id: &str,
    question: &SessionCall,
) -> std::result::Result<SessionStatus, AuthError> {
    let status = sessions::ask(env, session_id, question).await;
    status.map_err(|error| {
        log::error_of(
            env,
            "storage_refused",
            &[
                ("at", "session".into()),
                ("error", error.to_string().into()),
            ],
        );
        AuthError::Unavailable
    })
}
