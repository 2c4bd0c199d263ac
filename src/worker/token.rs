//! Verifying access tokens: the core's rules, Web Crypto's RS256, one JWK Set cache per isolate with the Cache API behind it.

use std::cell::RefCell;
use std::time::Duration;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;
use worker::{Cache, Delay, Env, Response};

use crate::client::{Host, operation};
use crate::port::Crypto;
use crate::token::{
    Attempt, COOLDOWN_SECONDS, Decoded, Expected, ISSUER, Jwk, JwkSetCache, Plan, Rejection,
    Ticket, UnverifiedToken,
};
use crate::web::WebCrypto;

use super::auth::Identity;
use super::failure::Failure;
use super::objects::now_ms;
use super::promise::settled;
use super::transport::{fetch_public, host_url};
use super::{config, log};

/// How long the Cache API keeps a JWK Set, in seconds.
const STORED_SECONDS: &str = "public, max-age=3600";

/// What an isolate knows of one host's keys. Keys and sets only, never a promise: no request waits for another's.
struct Keys {
    url: String,
    cache: JwkSetCache,
    imported: KeyRing,
}

/// The most imported keys that are kept. Gwop publishes one or two at a time.
const MAX_KEYS: usize = 16;

/// Imported keys by JWK Thumbprint (RFC 7638), so that a `kid` that comes to name another key cannot bring up the old one.
#[derive(Default)]
struct KeyRing {
    /// The oldest first.
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

/// Does something with what is known of the keys at `url`. Synchronous, so a request that dies leaves nothing half-made.
fn with_keys<T>(url: &str, work: impl FnOnce(&mut Keys) -> T) -> T {
    KEYS.with_borrow_mut(|known| {
        if known.as_ref().is_some_and(|keys| keys.url != url) {
            *known = None;
        }
        work(known.get_or_insert_with(|| Keys {
            url: url.to_owned(),
            cache: JwkSetCache::new(i64::from(COOLDOWN_SECONDS).saturating_mul(1_000)),
            imported: KeyRing::default(),
        }))
    })
}

/// Verifies a token of this merchant's.
///
/// # Errors
/// [`Failure`]; a rejection also where no JWK Set could be had.
pub async fn verify(
    env: &Env,
    merchant_id: &str,
    token: &str,
) -> Result<Identity, Failure<Rejection>> {
    let audience = config::list(env, config::TOKEN_AUDIENCE);
    let issuer = config::text_or(env, config::TOKEN_ISSUER, ISSUER);
    let expected = Expected {
        merchant_id: Some(merchant_id),
        audience: audience.iter().map(String::as_str).collect(),
        issuer: &issuer,
        ..Expected::default()
    };
    let mut decoded = Decoded::default();
    let token = UnverifiedToken::parse(token.as_bytes(), &mut decoded)?;
    let kid = token.kid();
    let path = operation("auth.getJwks").map_or("", |operation| operation.path);
    let base = host_url(env, Host::Identity);
    let url = [base.trim_end_matches('/'), path].concat();
    let mut attempt = Attempt::First;
    loop {
        match with_keys(&url, |keys| keys.cache.plan(kid, attempt, now_ms())) {
            Plan::Use => {
                let Some(keys) = imported(&url, kid.unwrap_or_default()).await? else {
                    continue;
                };
                let crypto = WebCrypto::global()?;
                for key in keys {
                    let verified =
                        crypto.verify_rs256(&key, token.signature(), token.signing_input())?;
                    if settled(verified).await?.is_truthy() {
                        return Ok(Identity::of(token.judge(&expected, now_ms())?));
                    }
                }
                return Err(Rejection::SIGNATURE_INVALID.into());
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

/// The keys that may have signed; `None` when one of them could not be imported and the plan must be made anew.
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
        let Ok(key) = settled(WebCrypto::global()?.import_rs256_key(jwk.json())?).await else {
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
        let adopted = keys.cache.answered(ticket, &body, now_ms());
        adopted.then(|| keys.cache.to_stored())
    });
    if let Some(stored) = stored.filter(|_| may_store(env, url)) {
        // A convenience: whatever goes wrong, the set is held here all the same.
        if let Err(error) = store(url, stored).await {
            log::error("key_store_failed", &[("error", error.to_string().into())]);
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

/// A Gwop on this machine has other keys after each start, under the same `kid`: nothing of it is stored.
fn may_store(env: &Env, url: &str) -> bool {
    url.starts_with("https://") || config::stores_local_keys(env)
}
