//! Verifies signatures: webhooks by their MAC, access tokens by RS256. The rules are those of the
//! core, and Web Crypto does the cryptography.

use std::cell::RefCell;
use std::time::Duration;

use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;
use worker::{Cache, Delay, Env, Response};

use super::gwop::{fetch_public, host_url};
use super::identity::Identity;
use super::ledger::messages::Delivery;
use super::payload::{Members, payment_of};
use super::platform::{config, log, now_ms};
use crate::client::{Host, operation};
use crate::invoice::Status;
use crate::port::Crypto;
use crate::token::{
    self, Attempt, COOLDOWN_SECONDS, Candidate, Decoded, Expected, ISSUER, Jwk, JwkSetCache, Plan,
    TOKEN_CACHE_SIZE, Ticket, UnverifiedToken, VerifiedTokens,
};
use crate::web::WebCrypto;
use crate::webhook::{self, Code, DEFAULT_TOLERANCE_SECONDS, Rejection, SignatureHeader, event};

/// The maximum length of an id, in bytes. Gwop's ids have at most 40. Queue messages have a size
/// limit.
const MAX_ID_BYTES: usize = 255;

/// Why a signature was not verified. `R` describes what is wrong.
pub(super) enum Failure<R> {
    /// The signature is not valid, or the keys to check it are not available.
    Rejected(R),
    /// Web Crypto failed.
    Platform(JsValue),
}

impl<R> Failure<R> {
    /// Returns the rejection, or `None` after logging an error if Web Crypto failed.
    pub(super) fn rejection(self) -> Option<R> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Platform(error) => {
                log::error("crypto_failed", &[("error", format!("{error:?}").into())]);
                None
            }
        }
    }
}

impl<R> From<JsValue> for Failure<R> {
    fn from(error: JsValue) -> Self {
        Self::Platform(error)
    }
}

impl From<Rejection> for Failure<Rejection> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<token::Rejection> for Failure<token::Rejection> {
    fn from(rejection: token::Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Checks the signature header and its time stamp, as far as that is possible without the body.
///
/// # Errors
/// Returns [`Rejection`] if no body could make the header valid.
pub(super) fn signature_header(header: &str) -> std::result::Result<(), Rejection> {
    let now = now_ms() as f64 / 1_000.0;
    SignatureHeader::parse(header)?.check_time(now, DEFAULT_TOLERANCE_SECONDS)
}

/// Verifies the MAC over the raw bytes with Web Crypto, before any of the body is decoded.
pub(super) async fn webhook(
    secrets: &[String],
    header: &str,
    body: &[u8],
) -> std::result::Result<(), Failure<Rejection>> {
    let now = now_ms() as f64 / 1_000.0;
    let time = (now, DEFAULT_TOLERANCE_SECONDS);
    let crypto = WebCrypto::global()?;
    for secret in secrets {
        let key = key(secret).await?;
        for index in 0.. {
            let asked =
                webhook::verify::<_, Failure<Rejection>>(&crypto, header, index, body, time, &key)?;
            let Some(asked) = asked else { break };
            if JsFuture::from(asked).await?.is_truthy() {
                return Ok(());
            }
        }
    }
    Err(Rejection::new(Code::SignatureMismatch).into())
}

thread_local! {
    /// Imported keys by secret. It stores only keys, never a promise, because a request must not
    /// await another request's promise.
    static WEBHOOK_KEYS: RefCell<Vec<(String, CryptoKey)>> = const { RefCell::new(vec![]) };
}

/// The minimum time between two refreshes of the JWK Set, in milliseconds.
const COOLDOWN_MS: i64 = COOLDOWN_SECONDS as i64 * 1_000;

/// How many imported keys are kept: enough for a rotation.
const KEPT_KEYS: usize = 4;

async fn key(secret: &str) -> std::result::Result<CryptoKey, JsValue> {
    let known = WEBHOOK_KEYS.with_borrow(|keys| {
        let found = keys.iter().find(|(of, _)| of == secret);
        found.map(|(_, key)| key.clone())
    });
    if let Some(key) = known {
        return Ok(key);
    }
    let imported = JsFuture::from(WebCrypto::global()?.import_hmac_key(secret.as_bytes())?).await?;
    let key: CryptoKey = imported.dyn_into()?;
    WEBHOOK_KEYS.with_borrow_mut(|keys| {
        keys.insert(0, (secret.to_owned(), key.clone()));
        keys.truncate(KEPT_KEYS);
    });
    Ok(key)
}

/// The contents of a verified body.
pub(super) enum Signed {
    /// An event of an invoice.
    Delivery(Delivery),
    /// An event of an unknown type that names no invoice.
    OfNoInvoice {
        /// The event's id.
        event_id: String,
        /// The event's type.
        event_type: String,
    },
}

/// Parses the verified body by the core's own rules: what the SDK accepts is not refused here.
///
/// # Errors
/// Returns [`Rejection`] if the body is not an event, or its headers contradict it.
pub(super) fn event(body: &[u8], id: &str, kind: &str) -> std::result::Result<Signed, Rejection> {
    let known = match event::read(body, id, kind, false) {
        Ok(_) => true,
        Err(rejection) if rejection.code == Code::EventUnknown => false,
        Err(rejection) => return Err(rejection),
    };
    let text = std::str::from_utf8(body).map_err(|_| invalid("it is not UTF-8"))?;
    read(text, known)
}

/// Parses an event that reconciliation derived. With `lacking`, the event may be incomplete,
/// because more of it is still to be requested. Returns `None` if it is not an event.
pub(super) fn derived(text: &str, lacking: bool) -> Option<Delivery> {
    if !lacking && event::read(text.as_bytes(), "", "", true).is_err() {
        return None;
    }
    match read(text, true) {
        Ok(Signed::Delivery(delivery)) => Some(Delivery {
            body: String::new(),
            ..delivery
        }),
        _ => None,
    }
}

fn invalid(reason: &str) -> Rejection {
    Rejection::because(Code::PayloadInvalid, reason)
}

/// Parses the text of an event. `known` is whether its type is known.
fn read(text: &str, known: bool) -> std::result::Result<Signed, Rejection> {
    let event = Members::of(text).ok_or_else(|| invalid("it is not a JSON object"))?;
    let data = event.get("data").and_then(Members::of);
    let datum = |name| data.as_ref().and_then(|data| data.text(name));
    let event_id = event
        .text("event_id")
        .ok_or_else(|| invalid("`event_id` must be a non-empty string"))?;
    let event_type = event.text("event_type").unwrap_or_default();
    let Some(invoice_id) = datum("invoice_id") else {
        return if known {
            Err(invalid("`data.invoice_id` must be a non-empty string"))
        } else {
            Ok(Signed::OfNoInvoice {
                event_id,
                event_type,
            })
        };
    };
    let public_invoice_id = datum("public_invoice_id");
    let ids = [
        Some(&invoice_id),
        Some(&event_id),
        public_invoice_id.as_ref(),
    ];
    if ids.into_iter().flatten().any(|id| id.len() > MAX_ID_BYTES) {
        return Err(invalid("an id has more than 255 bytes"));
    }
    let status = if known {
        datum("status").and_then(|status| Status::parse(&status))
    } else {
        None
    };
    Ok(Signed::Delivery(Delivery {
        merchant: String::new(),
        event_version: event.get("event_version").and_then(integer),
        event_type,
        status,
        transaction: payment_of(text),
        traceparent: None,
        invoice_id,
        public_invoice_id,
        event_id,
        body: text.to_owned(),
    }))
}

/// Returns when a verified event was created, in milliseconds since the epoch, or `None` if it does
/// not say.
pub(super) fn created_at(body: &str) -> Option<i64> {
    let text = Members::of(body)?.text("created_at")?;
    let time = js_sys::Date::parse(&text);
    time.is_finite().then_some(time as i64)
}

/// Returns when a delivery was signed, in milliseconds since the epoch, from a verified header.
pub(super) fn signed_at(header: &str) -> Option<i64> {
    let seconds = header
        .split(',')
        .find_map(|part| part.trim().strip_prefix("t="))?;
    let seconds: i64 = seconds.parse().ok()?;
    seconds.checked_mul(1_000)
}

/// Parses an integer that JavaScript and Durable Object SQL hold exactly, in any notation: `4`,
/// `4.0`, `4e0`.
fn integer(json: &str) -> Option<i64> {
    let number: f64 = serde_json::from_str(json).ok()?;
    let exact = number.fract() == 0.0 && number.abs() <= js_sys::Number::MAX_SAFE_INTEGER;
    exact.then_some(number as i64)
}

/// How long the Cache API keeps a JWK Set, in seconds.
const STORED_SECONDS: &str = "public, max-age=3600";

/// What an isolate caches of one host's keys. It stores only keys and sets, never a promise: no
/// request waits for another.
struct Keys {
    url: String,
    cache: JwkSetCache,
    imported: KeyRing,
    /// The identities of tokens that were verified.
    verified: VerifiedTokens<Identity>,
}

/// The maximum number of imported keys in the cache. Gwop publishes one or two at a time.
const MAX_KEYS: usize = 16;

/// Imported keys by JWK Thumbprint (RFC 7638). If a `kid` later names another key, the old one is
/// not used.
#[derive(Default)]
struct KeyRing {
    /// The oldest is first.
    keys: Vec<(String, CryptoKey)>,
}

impl KeyRing {
    fn get(&self, thumbprint: &str) -> Option<&CryptoKey> {
        let mut keys = self.keys.iter();
        keys.find(|(of, _)| of == thumbprint).map(|(_, key)| key)
    }

    fn keep(&mut self, thumbprint: String, key: CryptoKey) {
        self.keys.retain(|(of, _)| *of != thumbprint);
        if self.keys.len() >= MAX_KEYS {
            self.keys.remove(0);
        }
        self.keys.push((thumbprint, key));
    }
}

thread_local! {
    static KEYS: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// Passes the cached keys of `url` to `work`. It is synchronous, so a request that ends early
/// leaves no partial change.
fn with_keys<T>(url: &str, work: impl FnOnce(&mut Keys) -> T) -> T {
    KEYS.with_borrow_mut(|known| {
        if known.as_ref().is_some_and(|keys| keys.url != url) {
            *known = None;
        }
        work(known.get_or_insert_with(|| Keys {
            url: url.to_owned(),
            cache: JwkSetCache::new(COOLDOWN_MS),
            imported: KeyRing::default(),
            verified: VerifiedTokens::new(TOKEN_CACHE_SIZE),
        }))
    })
}

/// Verifies a token for this merchant.
///
/// # Errors
/// Returns [`Failure`]. It is a rejection also if no JWK Set is available.
pub(super) async fn token(
    env: &Env,
    merchant_id: &str,
    token: &str,
) -> Result<Identity, Failure<token::Rejection>> {
    let audience = config::list(env, config::TOKEN_AUDIENCE);
    let issuer = config::text_or(env, config::TOKEN_ISSUER, ISSUER);
    let expected = Expected {
        merchant_id: Some(merchant_id),
        audience: audience.iter().map(String::as_str).collect(),
        issuer: &issuer,
        ..Expected::default()
    };
    let path = operation("auth.getJwks").map_or("", |operation| operation.path);
    let base = host_url(env, Host::Identity);
    let url = [base.trim_end_matches('/'), path].concat();
    let bytes = token.as_bytes();
    let known = with_keys(&url, |keys| {
        let now_ms = now_ms();
        let set = keys.cache.fresh_set(now_ms);
        keys.verified.get(bytes, &expected, set, now_ms)
    });
    if let Some(identity) = known {
        return Ok(identity);
    }
    let mut decoded = Decoded::default();
    let token = UnverifiedToken::parse(bytes, &mut decoded)?;
    let kid = token.kid();
    let mut attempt = Attempt::First;
    loop {
        let (plan, set) = with_keys(&url, |keys| {
            let now_ms = now_ms();
            let plan = keys.cache.plan(kid, attempt, now_ms);
            (plan, keys.cache.fresh_set(now_ms))
        });
        match plan {
            Plan::Use => {
                let Some(keys) = imported(&url, kid.unwrap_or_default()).await? else {
                    continue;
                };
                let crypto = WebCrypto::global()?;
                for key in keys {
                    let verified =
                        crypto.verify_rs256(&key, token.signature(), token.signing_input())?;
                    if JsFuture::from(verified).await?.is_truthy() {
                        let claims = token.evaluate(&expected, now_ms())?;
                        let identity = Identity::of(claims);
                        with_keys(&url, |keys| {
                            if let Some(set) = set {
                                // The texts of the identity are parts of the claims.
                                let (value, length) = (identity.clone(), claims.json().len());
                                let candidate =
                                    Candidate::new(bytes, &expected, claims, value, length);
                                keys.verified.keep(candidate, set);
                            }
                        });
                        return Ok(identity);
                    }
                }
                return Err(token::Rejection::SIGNATURE_INVALID.into());
            }
            Plan::Fetch(ticket) if attempt == Attempt::First => {
                ask_store(env, &url).await;
                attempt = Attempt::StoreAsked(ticket);
            }
            Plan::Fetch(ticket) => {
                fetch(env, &url, ticket).await;
                attempt = Attempt::Fetched;
            }
            Plan::Wait(milliseconds) => {
                Delay::from(Duration::from_millis(milliseconds.into())).await;
            }
            Plan::Refuse(rejection) => return Err(rejection.into()),
        }
    }
}

/// Returns the keys that may have signed. Returns `None` if one of them could not be imported, so
/// the plan must be made again.
async fn imported(url: &str, kid: &str) -> Result<Option<Vec<CryptoKey>>, JsValue> {
    let candidates: Vec<(Jwk, Option<CryptoKey>)> = with_keys(url, |keys| {
        let candidates = keys.cache.candidates(kid);
        candidates
            .map(|jwk| (jwk.clone(), keys.imported.get(jwk.thumbprint()).cloned()))
            .collect()
    });
    let mut found = Vec::with_capacity(candidates.len());
    for (jwk, known) in candidates {
        if let Some(key) = known {
            found.push(key);
            continue;
        }
        let Ok(key) = JsFuture::from(WebCrypto::global()?.import_rs256_key(jwk.json())?).await
        else {
            with_keys(url, |keys| keys.cache.remove_key(jwk.thumbprint()));
            return Ok(None);
        };
        let key: CryptoKey = key.unchecked_into();
        with_keys(url, |keys| {
            keys.imported.keep(jwk.thumbprint().to_owned(), key.clone())
        });
        found.push(key);
    }
    Ok(Some(found))
}

async fn fetch(env: &Env, url: &str, ticket: Ticket) {
    let Some(body) = fetch_public(url).await else {
        with_keys(url, |keys| keys.cache.failed(ticket, now_ms()));
        return;
    };
    let stored = with_keys(url, |keys| {
        let adopted = keys.cache.received(ticket, &body, now_ms());
        adopted.then(|| keys.cache.to_stored())
    });
    if let Some(stored) = stored.filter(|_| may_store(env, url)) {
        // The Cache API is optional: if storing fails, this isolate still has the set.
        if let Err(error) = store(url, stored).await {
            log::error_of(
                env,
                "key_store_failed",
                &[("error", error.to_string().into())],
            );
        }
    }
}

async fn store(url: &str, stored: String) -> worker::Result<()> {
    let mut response = Response::ok(stored)?;
    response
        .headers_mut()
        .set("cache-control", STORED_SECONDS)?;
    Cache::default().put(url, response).await
}

async fn ask_store(env: &Env, url: &str) {
    if !may_store(env, url) {
        return;
    }
    if let Ok(Some(mut response)) = Cache::default().get(url, true).await
        && let Ok(stored) = response.bytes().await
    {
        with_keys(url, |keys| keys.cache.adopt(&stored, now_ms()));
    }
}

/// A local Gwop has other keys after each start, under the same `kid`, so nothing of it is stored.
fn may_store(env: &Env, url: &str) -> bool {
    url.starts_with("https://") || config::stores_local_keys(env)
}
