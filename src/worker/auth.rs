//! Auth: challenges for agents, tokens for whoever asked for them, and who a request comes from.

use std::borrow::{Borrow, Cow};

use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Env, Request, Response, Result};

use crate::token::{Claims, Code, Rejection};

use super::exchange::{exchange_secret, idempotency_key, is_exchange_secret};
use super::http::{Answer, Served, served};
use super::incoming::Incoming;
use super::session_object::{SessionCall, Standing};
use super::transport::{CallError, call};
use super::{config, log, objects, token};

/// What `WWW-Authenticate` names as the protected area (RFC 9110 section 11.5).
const CHALLENGE: &str = "Bearer realm=\"gwop\"";
/// Headers that tell an app who a request comes from. Whatever comes in under these names is not ours.
const IDENTITY_HEADERS: [&str; 4] = [
    "x-gwop-subject",
    "x-gwop-chain",
    "x-gwop-wallet",
    "x-gwop-session",
];
/// Says to a browser that a page of this origin may read the answer.
const ALLOW_ORIGIN: &str = "access-control-allow-origin";
/// How long a live answer may be reused where `SESSION_CHECK` says nothing, in milliseconds.
const REUSE_MS: i64 = 30_000;
/// When an agent should ask again for a token that it has not paid for yet, in seconds.
const NOT_SETTLED_SECONDS: &str = "2";
/// When to come back to what is overloaded or out of reach, in seconds.
const LATER_SECONDS: &str = "5";

/// Who a request comes from: verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `{chain}:{address}`.
    pub subject: String,
    /// The wallet's chain.
    pub chain: String,
    /// The wallet's address.
    pub wallet_address: String,
    /// The session behind the token (`sess_*`).
    pub session_id: Option<String>,
    /// The merchant that the token was issued for: this one.
    pub merchant_id: String,
    /// When the token expires, in milliseconds since the epoch.
    pub expires_at_ms: i64,
}

impl Identity {
    pub(super) fn of(claims: &Claims<'_>) -> Self {
        let (chain, wallet_address) = claims.chain_and_wallet();
        Self {
            subject: claims.subject().into_owned(),
            chain,
            wallet_address,
            session_id: claims.session_id().map(Cow::into_owned),
            merchant_id: claims.merchant_id().unwrap_or_default().into_owned(),
            expires_at_ms: claims.expires_at_ms(),
        }
    }

    fn headers(&self) -> [(&'static str, &str); 4] {
        let session_id = self.session_id.as_deref().unwrap_or_default();
        let [subject, chain, wallet, session] = IDENTITY_HEADERS;
        [
            (subject, self.subject.as_str()),
            (chain, self.chain.as_str()),
            (wallet, self.wallet_address.as_str()),
            (session, session_id),
        ]
    }

    /// The request as an app behind this Worker should see it: with `X-Gwop-Subject`, `X-Gwop-Chain`, `X-Gwop-Wallet` and
    /// `X-Gwop-Session` of this identity, in place of whatever came in under these names.
    ///
    /// # Errors
    /// Where the platform refuses a header.
    pub fn forward(&self, request: &Request) -> Result<Request> {
        let forwarded = without_identity_headers(request)?;
        for (name, value) in self.headers() {
            forwarded.headers().set(name, value)?;
        }
        Ok(forwarded)
    }
}

/// The request without `X-Gwop-Subject`, `X-Gwop-Chain`, `X-Gwop-Wallet` and `X-Gwop-Session`, which only this Worker may set.
///
/// # Errors
/// Where the platform refuses to copy the request.
pub fn without_identity_headers(request: &Request) -> Result<Request> {
    let stripped = request.clone_mut()?;
    for name in IDENTITY_HEADERS {
        stripped.headers().delete(name)?;
    }
    Ok(stripped)
}

/// Why nobody could be named.
#[derive(Debug)]
pub enum Denied {
    /// Auth is off: a variable is missing.
    NotConfigured,
    /// The request carries no bearer token.
    NoToken,
    /// The token does not hold.
    Token(Rejection),
    /// Neither yes nor no: keys or sessions cannot be looked up now.
    Unavailable,
}

impl Denied {
    fn answer(self) -> Answer {
        match self {
            Self::NotConfigured => {
                Answer::error(503, "AUTH_NOT_CONFIGURED", "Auth is not configured here")
            }
            // RFC 6750 section 3.1: without credentials, no error code.
            Self::NoToken => Answer::error(
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
                Answer::error(401, rejection.code.as_str(), rejection.message)
                    .header("www-authenticate", challenge.concat())
            }
            Self::Unavailable => Answer::error(
                503,
                "UNAVAILABLE",
                "The token can be neither accepted nor refused now: try again",
            )
            .header("retry-after", LATER_SECONDS),
        }
    }

    /// The answer to give: 401 with `WWW-Authenticate` (RFC 6750), or 503.
    ///
    /// # Errors
    /// Only where the platform refuses to make a `Response`.
    pub fn into_response(self) -> Result<Response> {
        self.answer().respond()
    }
}

/// Says who a request comes from: the token verified against Gwop's JWK Set, this merchant's id and, where configured, an
/// audience; the session checked as `SESSION_CHECK` says.
///
/// # Errors
/// [`Denied`], with the answer to give.
pub async fn authenticate(
    request: impl Borrow<Request>,
    env: impl Borrow<Env>,
) -> std::result::Result<Identity, Denied> {
    authenticated(&Incoming::from(request.borrow()), env.borrow()).await
}

/// As [`authenticate`], of a request that was looked at before.
async fn authenticated(request: &Incoming, env: &Env) -> std::result::Result<Identity, Denied> {
    let identity = verified(request, env).await?;
    check_session(env, &identity).await?;
    Ok(identity)
}

/// Who the request's token names, whatever became of its session.
async fn verified(request: &Incoming, env: &Env) -> std::result::Result<Identity, Denied> {
    if !is_on(env) {
        return Err(Denied::NotConfigured);
    }
    let merchant_id = config::text(env, config::GWOP_MERCHANT_ID).ok_or(Denied::NotConfigured)?;
    let token = request.bearer().ok_or(Denied::NoToken)?;
    let verified = token::verify(env, &merchant_id, &token).await;
    if let Ok(identity) = &verified
        && identity.session_id.as_deref() == Some("")
    {
        // It names no session, and no object either.
        return Err(Denied::Token(Rejection::SESSION_REVOKED));
    }
    verified.map_err(|failure| match failure.rejection() {
        Some(rejection) if rejection.code == Code::JwksUnavailable => {
            log::error("jwks_unavailable", &[]);
            Denied::Unavailable
        }
        Some(rejection) => Denied::Token(rejection),
        None => Denied::Unavailable,
    })
}

fn is_on(env: &Env) -> bool {
    config::missing_for_auth(env).is_empty()
}

/// How long a live answer may be reused, in milliseconds; `None` for no check at all.
fn reuse_ms(env: &Env) -> Option<i64> {
    match config::text(env, config::SESSION_CHECK).as_deref() {
        None => Some(REUSE_MS),
        Some("never") => None,
        Some("always") => Some(0),
        Some(seconds) => {
            // What cannot be read must not weaken the check.
            let seconds = seconds.parse::<u32>().unwrap_or_else(|_| {
                log::error(
                    "not_understood",
                    &[("variable", config::SESSION_CHECK.into())],
                );
                0
            });
            Some(i64::from(seconds).saturating_mul(1_000))
        }
    }
}

async fn check_session(env: &Env, identity: &Identity) -> std::result::Result<(), Denied> {
    let Some(reuse_ms) = reuse_ms(env) else {
        return Ok(());
    };
    let ended = || Err(Denied::Token(Rejection::SESSION_REVOKED));
    let Some(session_id) = &identity.session_id else {
        return ended();
    };
    match ask_object(env, session_id, &SessionCall::Check { reuse_ms }).await? {
        Standing::Active => return Ok(()),
        Standing::Ended => return ended(),
        Standing::Unknown => {}
    }
    let asked_at = objects::now_ms();
    let active = match call(
        env,
        "authSessions.get",
        &json!({ "session_id": session_id }),
    )
    .await
    {
        Ok(session) => session.get("status").and_then(Value::as_str) == Some("active"),
        // Said now, but not remembered: Gwop may come to know a session that is only just made.
        Err(error) if error.code().as_deref() == Some("SESSION_NOT_FOUND") => return ended(),
        Err(error) => {
            log::error("session_check_failed", &[("error", error.brief().into())]);
            return Err(Denied::Unavailable);
        }
    };
    match ask_object(env, session_id, &SessionCall::Seen { active, asked_at }).await? {
        Standing::Active => Ok(()),
        Standing::Ended | Standing::Unknown => ended(),
    }
}

async fn ask_object(
    env: &Env,
    session_id: &str,
    question: &SessionCall,
) -> std::result::Result<Standing, Denied> {
    let answer = objects::call(env, config::SESSIONS, session_id, question).await;
    answer.map_err(|error: worker::Error| {
        log::error(
            "storage_refused",
            &[
                ("at", "session".into()),
                ("error", error.to_string().into()),
            ],
        );
        Denied::Unavailable
    })
}

/// Answers everything under `/auth/`.
pub(super) async fn handle(request: &Incoming, env: &Env, path: &[&str]) -> Served {
    let method = request.method.as_str();
    let cors = cors(request, env);
    let allowed = cors.iter().any(|(name, _)| *name == ALLOW_ORIGIN);
    let preflight = method == "OPTIONS" && allowed;
    let work = async {
        let answer = match (path, method) {
            _ if preflight => Answer::empty(204, "preflight")
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
                Answer::not_found()
            }
        };
        cors.into_iter()
            .fold(answer, |answer, (name, value)| answer.header(name, value))
    };
    let route = match path {
        ["intents"] => "auth_intent",
        ["intents", ..] => "auth_exchange",
        ["session"] => "auth_session",
        ["verify"] => "auth_verify",
        _ => "none",
    };
    served(route, method, work).await
}

async fn refuse_method(request: &Incoming, allow: &'static str) -> Answer {
    request.drain().await;
    Answer::method_not_allowed(allow)
}

/// The headers that let a browser of a configured origin read the answer; none where CORS is off.
fn cors(request: &Incoming, env: &Env) -> Vec<(&'static str, String)> {
    let origin = request.header("origin");
    let known = config::list(env, config::CORS_ORIGINS);
    match origin.filter(|origin| known.contains(origin)) {
        Some(origin) => vec![(ALLOW_ORIGIN, origin), ("vary", "origin".to_owned())],
        None if known.is_empty() => vec![],
        // The answer depends on the origin all the same.
        None => vec![("vary", "origin".to_owned())],
    }
}

/// 429 where the platform's rate limiter is bound and has enough of this client.
async fn limited(request: &Incoming, env: &Env) -> Option<Answer> {
    let limiter = env.rate_limiter(config::AUTH_RATE_LIMITER).ok()?;
    let client = request.header("cf-connecting-ip");
    let outcome = limiter
        .limit(client.unwrap_or_else(|| "unknown".to_owned()))
        .await;
    match outcome {
        Ok(outcome) if !outcome.success => {
            request.drain().await;
            let answer = Answer::error(429, "RATE_LIMITED", "Too many requests: try again later");
            Some(answer.header("retry-after", "60"))
        }
        Ok(_) => None,
        Err(error) => {
            // A limiter that fails must not lock everybody out.
            log::error(
                "rate_limiter_failed",
                &[("error", error.to_string().into())],
            );
            None
        }
    }
}

/// The JSON object of a request that auth, its rate limit and its media type let in; `{}` from an empty body.
async fn admitted(request: &Incoming, env: &Env) -> std::result::Result<Value, Answer> {
    if !is_on(env) {
        request.drain().await;
        return Err(Denied::NotConfigured.answer());
    }
    if let Some(answer) = limited(request, env).await {
        return Err(answer);
    }
    if !request.may_be_json() {
        request.drain().await;
        return Err(Answer::error(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "Send application/json",
        ));
    }
    let body = request.read_body(config::max_body_bytes(env)).await;
    let body = body.map_err(super::incoming::BodyError::answer)?;
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        _ => Err(invalid("The body must be a JSON object")),
    }
}

fn invalid(message: &str) -> Answer {
    Answer::error(400, "VALIDATION_ERROR", message)
}

/// `POST /auth/intents`: a challenge for the agent.
async fn create_intent(request: &Incoming, env: &Env) -> Answer {
    let body = match admitted(request, env).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let auth_secrets = config::list(env, config::AUTH_SECRET);
    let Some(auth_secret) = auth_secrets.first() else {
        return Denied::NotConfigured.answer();
    };
    let mut intent = match call(env, "authIntents.create", &json!({ "body": body })).await {
        Ok(intent) => intent,
        Err(error) => return gwop_error("authIntents.create", &error),
    };
    let id = intent.get("auth_intent_id").and_then(Value::as_str);
    let secret = exchange_secret(auth_secret, id.unwrap_or_default());
    if let Some(members) = intent.as_object_mut() {
        members.insert("exchange_secret".to_owned(), secret.into());
    }
    Answer::json(201, "created", &intent)
}

/// `POST /auth/intents/{id}/exchange` with `{ "exchange_secret": "…" }`: the token, for whoever asked for the intent.
async fn exchange(request: &Incoming, env: &Env, id: &str) -> Answer {
    #[derive(Deserialize)]
    struct Proof {
        exchange_secret: String,
    }
    let body = match admitted(request, env).await {
        Ok(body) => body,
        Err(answer) => return answer,
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
        return Answer::error(
            403,
            "EXCHANGE_SECRET_INVALID",
            "The exchange_secret does not belong to this intent",
        );
    }
    let argument = json!({ "auth_intent_id": id, "idempotency_key": idempotency_key(id) });
    match call(env, "authIntents.exchange", &argument).await {
        Ok(token) => Answer::json(200, "exchanged", &token),
        Err(error) => gwop_error("authIntents.exchange", &error),
    }
}

/// What an agent is told of Gwop's errors: those that it can do something about as they are, others not at all.
fn gwop_error(operation: &str, error: &CallError) -> Answer {
    let code = error.code().unwrap_or_default();
    match code.as_str() {
        "AUTH_INTENT_NOT_SETTLED" => Answer::error(
            402,
            &code,
            "The challenge is not paid yet: pay it, then ask again",
        )
        .header("retry-after", NOT_SETTLED_SECONDS),
        "AUTH_INTENT_NOT_FOUND" => Answer::error(404, &code, "There is no such intent"),
        "AUTH_INTENT_EXPIRED" => {
            Answer::error(409, &code, "The intent has expired: create another one")
        }
        "AUTH_INTENT_USED" => Answer::error(
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
            Answer::error(
                status,
                "GWOP_UNAVAILABLE",
                "Gwop cannot be reached now: try again",
            )
            .header("retry-after", LATER_SECONDS)
        }
    }
}

/// `GET /auth/session`: the verified identity.
async fn session(request: &Incoming, env: &Env) -> Answer {
    match authenticated(request, env).await {
        Ok(identity) => Answer::json(
            200,
            "authenticated",
            &json!({
                "subject": identity.subject,
                "chain": identity.chain,
                "walletAddress": identity.wallet_address,
                "sessionId": identity.session_id,
                "merchantId": identity.merchant_id,
                "expiresAt": objects::iso_8601(identity.expires_at_ms),
            }),
        ),
        Err(denied) => denied.answer(),
    }
}

/// `GET /auth/verify`: forward auth for a gateway in front of an app.
async fn forward_auth(request: &Incoming, env: &Env) -> Answer {
    match authenticated(request, env).await {
        // A header cannot carry it, and no wallet of Gwop's looks like it.
        Ok(identity)
            if !identity
                .headers()
                .iter()
                .all(|(_, value)| is_visible(value)) =>
        {
            Answer::error(
                401,
                "TOKEN_MALFORMED",
                "The token's subject or session is not printable ASCII",
            )
            .header(
                "www-authenticate",
                [CHALLENGE, ", error=\"invalid_token\""].concat(),
            )
        }
        Ok(identity) => identity.headers().into_iter().fold(
            Answer::empty(204, "authenticated"),
            |answer, (name, value)| answer.header(name, value),
        ),
        Err(denied) => denied.answer(),
    }
}

fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `DELETE /auth/session`: revokes the token's session, here at once, and at Gwop.
async fn revoke(request: &Incoming, env: &Env) -> Answer {
    request.drain().await;
    let identity = match verified(request, env).await {
        Ok(identity) => identity,
        Err(denied) => return denied.answer(),
    };
    let Some(session_id) = &identity.session_id else {
        return Denied::Token(Rejection::SESSION_REVOKED).answer();
    };
    let revocation = SessionCall::Revoke {
        expires_at: identity.expires_at_ms,
    };
    // Here first: from now on no isolate accepts it, whatever becomes of the call to Gwop.
    if let Err(denied) = ask_object(env, session_id, &revocation).await {
        return denied.answer();
    }
    match call(
        env,
        "authSessions.revoke",
        &json!({ "session_id": session_id }),
    )
    .await
    {
        Ok(_) => Answer::json(200, "revoked", &json!({ "revoked": true })),
        Err(error) if error.code().as_deref() == Some("SESSION_NOT_FOUND") => {
            Answer::json(200, "revoked", &json!({ "revoked": true }))
        }
        Err(error) => gwop_error("authSessions.revoke", &error),
    }
}
