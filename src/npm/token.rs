//! Access tokens: the JWK Set cache, the imported keys, and the asynchronous verification over
//! them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, JSON, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;

use super::options::Given;
use super::refusal::{bad_argument, object};
use crate::port::Crypto;
use crate::token::{
    Attempt, Begun, COOLDOWN_SECONDS, Candidate, Decoded, Expected, ISSUER, JwkSetCache, Plan,
    Rejection, TOKEN_CACHE_SIZE, Ticket, UnverifiedToken, VerifiedTokens, verify_signature,
};
use crate::web::executor::JsFuture;
use crate::web::{Stop, WebCrypto, ignore_rejection, now_ms, outcome_of, sleep};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What a token has to be. */
export interface TokenExpectation {
  /** What `mid` must equal. Absent: the tokens of every merchant pass. */
  readonly merchantId?: string | undefined;
  /** What `iss` must equal. Absent: Gwop's own. */
  readonly issuer?: string | undefined;
  /** What `aud` must name at least one of. Empty: `aud` is not looked at. */
  readonly audience: readonly string[];
  /** How far the clocks may be apart for `exp` and `nbf`, in milliseconds. */
  readonly clockToleranceMs: number;
}

/** A token whose signature and claims hold. */
export interface VerifiedClaims {
  /** `sub`. */
  readonly subject: string;
  /** The chain of `sub`. */
  readonly chain: string;
  /** The wallet address of `sub`. */
  readonly walletAddress: string;
  /** `sid`. */
  readonly sessionId?: string;
  /** `mid`. */
  readonly merchantId?: string;
  /** `iat`, in milliseconds since 1970. */
  readonly issuedAt?: number;
  /** `exp`, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** The claims set as it was signed, as JSON text. */
  readonly claims: string;
}

/** Why a token was refused: a `Refusal`, and what led to it. */
export interface TokenRefusal extends Refusal {
  /** Why the JWK Set could not be fetched. */
  readonly cause?: unknown;
}

/** Where the JWK Set is kept beside the cache. */
export interface TokenStore {
  /** The value last set. */
  get(): unknown;
  /** Keeps the value. */
  set(value: unknown): unknown;
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "TokenExpectation")]
    pub type TokenExpectation;

    #[wasm_bindgen(typescript_type = "TokenStore")]
    pub type TokenStore;
    #[wasm_bindgen(method, catch)]
    fn get(this: &TokenStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn set(this: &TokenStore, value: &JsValue) -> Result<JsValue, JsValue>;
}

/// The time limit for a call of the store, in milliseconds.
const STORE_TIMEOUT_MS: f64 = 2_000.0;

/// The largest number of imported keys that are kept. Gwop publishes one or two at a time.
const MAX_KEYS: usize = 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified<'v> {
    subject: &'v str,
    chain: &'v str,
    wallet_address: &'v str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<f64>,
    expires_at: f64,
    claims: &'v str,
}

/// An imported key. Its thumbprint (RFC 7638) identifies it.
#[derive(Clone)]
struct Imported {
    thumbprint: String,
    key: CryptoKey,
}

/// The header and the key of the last token that was verified.
struct Latest {
    /// The text of the header in the token.
    header: Vec<u8>,
    kid: String,
    imported: Imported,
}

/// Verifies the access tokens of one client. Free it when the client is gone.
///
/// Verifications share nothing that they await: on workerd, no request may wait for another's
/// promise.
#[wasm_bindgen]
pub struct TokenVerifier {
    cache: RefCell<JwkSetCache>,
    keys: RefCell<Vec<Imported>>,
    /// The header and key of most tokens.
    latest: RefCell<Option<Latest>>,
    /// The last expectation, as given and as read. The next token usually has the same one.
    expectation: RefCell<Option<(JsValue, Rc<Given>)>>,
    /// The `kid`s of keys that Web Crypto refused to import since the last fetch.
    unsupported: RefCell<Vec<String>>,
    /// The tokens that were already verified.
    verified: RefCell<VerifiedTokens<JsValue>>,
    running: Cell<u32>,
    to_result: Function,
    fetch_jwks: Function,
    store: Option<TokenStore>,
}

#[wasm_bindgen(wasm_bindgen_futures = crate::web::executor)]
impl TokenVerifier {
    /// Creates a verifier without a JWK Set.
    ///
    /// `toResult` makes what [`verify`](Self::verify) resolves to. It is called while Web Crypto
    /// checks the signature, and its value is dropped if the signature does not hold. `fetchJwks`
    /// makes one bounded GET of Gwop's JWK Set. It resolves to the body as text if the
    /// status is 200, and rejects otherwise. `cooldownSeconds` is how long no second refresh is
    /// made, by default 30. `cacheSize` is how many verified tokens are kept, by default 1,000. 0
    /// keeps none.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(js_name = toResult, unchecked_param_type = "(verified: VerifiedClaims) => unknown")]
        to_result: Function,
        #[wasm_bindgen(js_name = fetchJwks, unchecked_param_type = "() => Promise<string>")]
        fetch_jwks: Function,
        store: Option<TokenStore>,
        #[wasm_bindgen(js_name = cooldownSeconds)] cooldown_seconds: Option<f64>,
        #[wasm_bindgen(js_name = cacheSize)] cache_size: Option<u32>,
    ) -> Self {
        let cache_size = cache_size.and_then(|size| usize::try_from(size).ok());
        let cooldown_seconds = cooldown_seconds.unwrap_or_else(|| COOLDOWN_SECONDS.into());
        Self {
            // The cast saturates.
            cache: RefCell::new(JwkSetCache::new((cooldown_seconds * 1000.0) as i64)),
            keys: RefCell::new(Vec::new()),
            latest: RefCell::new(None),
            expectation: RefCell::new(None),
            unsupported: RefCell::new(Vec::new()),
            verified: RefCell::new(VerifiedTokens::new(cache_size.unwrap_or(TOKEN_CACHE_SIZE))),
            running: Cell::new(0),
            to_result,
            fetch_jwks,
            store,
        }
    }

    /// Returns the `VerifiedClaims` of an earlier [`verify`](Self::verify) of the same bytes with
    /// an equal expectation.
    ///
    /// Returns `undefined` unless a new verification would have the same result. Each call returns
    /// the same object, so callers must not change it.
    #[wasm_bindgen(unchecked_return_type = "VerifiedClaims | undefined")]
    pub fn verified(&self, token: &[u8], expected: TokenExpectation) -> Result<JsValue, JsValue> {
        let Ok(mut verified) = self.verified.try_borrow_mut() else {
            return Ok(JsValue::UNDEFINED);
        };
        if verified.is_empty() {
            return Ok(JsValue::UNDEFINED);
        }
        let given = self.expectation(expected.into())?;
        let now_ms = now_ms();
        let set = self.cache()?.fresh_set(now_ms);
        let found = verified.get(token, &expected_of(&given), set, now_ms);
        Ok(found.unwrap_or_default())
    }

    /// Verifies a compact JWS, given as bytes: its form, the key of its `kid`, the signature with
    /// Web Crypto, and the claims. The first of these that fails is the reason of the refusal.
    ///
    /// If `expected` is the same object as the last time, it is not read again. Callers must not
    /// change it.
    ///
    /// Resolves to the value of `toResult`. Rejects with a `TokenRefusal`, or with an error if Web
    /// Crypto is missing.
    #[wasm_bindgen(unchecked_return_type = "unknown")]
    pub async fn verify(
        &self,
        token: Vec<u8>,
        expected: TokenExpectation,
    ) -> Result<JsValue, JsValue> {
        let given = self.expectation(expected.into())?;
        let expected = expected_of(&given);
        let running = Running::begin(&self.running);
        let (early, begun) = self.begin_early(&token, running.is_alone()).unzip();
        let result = self.decide(&token, &expected, early.as_ref(), begun).await;
        if let Some(early) = early.filter(|early| !early.awaited.get()) {
            ignore_rejection(&early.result);
        }
        result
    }
}

/// Counts the running verifications.
struct Running<'r>(&'r Cell<u32>);

impl<'r> Running<'r> {
    fn begin(count: &'r Cell<u32>) -> Self {
        count.set(count.get().saturating_add(1));
        Self(count)
    }

    fn is_alone(&self) -> bool {
        self.0.get() == 1
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A verification that Web Crypto started before the token was read.
struct Early {
    thumbprint: String,
    result: Promise,
    awaited: Cell<bool>,
}

impl TokenVerifier {
    /// Reads an expectation, unless it is the same object as for the last token.
    fn expectation(&self, given: JsValue) -> Result<Rc<Given>, JsValue> {
        if let Ok(last) = self.expectation.try_borrow()
            && let Some((_, read)) = last.as_ref().filter(|(last, _)| *last == given)
        {
            return Ok(Rc::clone(read));
        }
        let read = Given::read(given.clone())
            .map_err(|()| bad_argument("an expectation of a token has a member of another kind"))?;
        let read = Rc::new(read);
        if let Ok(mut last) = self.expectation.try_borrow_mut() {
            *last = Some((given, Rc::clone(&read)));
        }
        Ok(read)
    }

    /// Starts the signature check while the wasm reads the token.
    ///
    /// It starts only if no other verification is running and the header is that of the last good
    /// token. Its result counts only if the token's own `kid` leads to the same key.
    fn begin_early<'t>(&self, token: &'t [u8], alone: bool) -> Option<(Early, Begun<'t>)> {
        let latest = self.latest.try_borrow().ok()?;
        let Latest {
            header,
            kid,
            imported,
        } = latest.as_ref().filter(|_| alone)?;
        let (begun, signed) = Begun::new(token, header, kid)?;
        let crypto = WebCrypto::global().ok()?;
        let result = crypto
            .verify_rs256(&imported.key, begun.signature(), signed)
            .ok()?;
        let early = Early {
            thumbprint: imported.thumbprint.clone(),
            result,
            awaited: Cell::new(false),
        };
        Some((early, begun))
    }

    async fn decide(
        &self,
        token: &[u8],
        expected: &Expected<'_>,
        early: Option<&Early>,
        begun: Option<Begun<'_>>,
    ) -> Result<JsValue, JsValue> {
        let mut decoded = Decoded::default();
        let parsed = UnverifiedToken::parse_begun(token, &mut decoded, begun)?;
        let mut attempt = Attempt::First;
        let mut cause = None;
        loop {
            let now_ms = now_ms();
            let plan = self.cache()?.plan(parsed.kid(), attempt, now_ms);
            match plan {
                Plan::Use => {
                    let set = self.cache()?.fresh_set(now_ms);
                    let kid = parsed.kid().unwrap_or_default();
                    let Some(keys) = self.imported(kid).await? else {
                        continue;
                    };
                    let (mut untried, mut verdict) = (None, None);
                    for imported in keys {
                        let asked = ask(&parsed, &imported, early)?;
                        // Web Crypto checks the signature meanwhile.
                        let made = match verdict.take() {
                            Some(made) => made,
                            None => self.verdict(token, &parsed, expected),
                        };
                        let answer = match asked {
                            Ok(promise) => JsFuture::from(promise).await,
                            Err(reason) => Err(reason),
                        };
                        match answer {
                            Ok(holds) if holds.is_truthy() => {
                                self.remember(token, kid, imported);
                                let (result, candidate) = made?;
                                if let Some(set) = set
                                    && let Ok(mut kept) = self.verified.try_borrow_mut()
                                {
                                    kept.keep(candidate, set);
                                }
                                return Ok(result);
                            }
                            Ok(_) => {}
                            Err(reason) => untried = Some(reason),
                        }
                        verdict = Some(made);
                    }
                    return Err(if untried.is_some() || self.is_unsupported(kid) {
                        with_cause(Rejection::KEY_UNSUPPORTED, untried)
                    } else {
                        Rejection::SIGNATURE_INVALID.into()
                    });
                }
                Plan::Fetch(ticket) => {
                    let asked = matches!(attempt, Attempt::StoreAsked(_));
                    if let Some(store) = self.store.as_ref().filter(|_| !asked) {
                        self.ask(store).await;
                        attempt = Attempt::StoreAsked(ticket);
                    } else {
                        cause = self.fetch(ticket).await?;
                        attempt = Attempt::Fetched;
                    }
                }
                Plan::Wait(milliseconds) => sleep(milliseconds.into(), None).await?,
                Plan::Refuse(Rejection::KID_UNKNOWN)
                    if parsed.kid().is_some_and(|kid| self.is_unsupported(kid)) =>
                {
                    return Err(with_cause(Rejection::KEY_UNSUPPORTED, cause));
                }
                Plan::Refuse(rejection) => return Err(with_cause(rejection, cause)),
            }
        }
    }

    /// Returns the result for a token if its signature is valid, and what the cache keeps then.
    ///
    /// It is called while Web Crypto checks the signature.
    fn verdict(
        &self,
        token: &[u8],
        parsed: &UnverifiedToken<'_>,
        expected: &Expected<'_>,
    ) -> Result<(JsValue, Candidate<JsValue>), JsValue> {
        let claims = parsed.evaluate(expected, now_ms())?;
        let (chain, wallet_address) = claims.chain_and_wallet();
        let verified = object(&Verified {
            subject: &claims.subject(),
            chain: &chain,
            wallet_address: &wallet_address,
            session_id: claims.session_id().as_deref(),
            merchant_id: claims.merchant_id().as_deref(),
            // The milliseconds are at most the year 9999, so the cast is exact.
            issued_at: claims.issued_at_ms().map(|at| at as f64),
            expires_at: claims.expires_at_ms() as f64,
            claims: claims.json(),
        });
        let result = self.to_result.call1(&JsValue::UNDEFINED, &verified)?;
        let bytes = bytes_of(claims.json());
        let candidate = Candidate::new(token, expected, claims, verified, bytes);
        Ok((result, candidate))
    }

    /// Borrows the cache for one synchronous step.
    fn cache(&self) -> Result<std::cell::RefMut<'_, JwkSetCache>, JsValue> {
        // If execution ended in the middle of a step, the cache may still be borrowed.
        let held = "the JWK Set cache is in use: make a new client";
        self.cache
            .try_borrow_mut()
            .map_err(|_| js_sys::Error::new(held).into())
    }

    /// Returns the imported keys with this `kid`.
    ///
    /// Returns `None` if a key could not be imported, and the caller must plan again.
    async fn imported(&self, kid: &str) -> Result<Option<Vec<Imported>>, JsValue> {
        let candidates: Vec<String> = self
            .cache()?
            .candidates(kid)
            .map(|key| key.thumbprint().to_owned())
            .collect();
        let mut keys = Vec::with_capacity(candidates.len());
        for thumbprint in candidates {
            if let Some(known) = self.known(&thumbprint) {
                keys.push(known);
                continue;
            }
            let jwk = self
                .cache()?
                .key(&thumbprint)
                .map(|key| key.json().to_owned());
            // Another request may have received a new set in the meantime.
            let Some(jwk) = jwk else { return Ok(None) };
            let Ok(key) = JsFuture::from(WebCrypto::global()?.import_rs256_key(&jwk)?).await else {
                self.cache()?.remove_key(&thumbprint);
                if let Ok(mut unsupported) = self.unsupported.try_borrow_mut()
                    && unsupported.len() < MAX_KEYS
                {
                    unsupported.push(kid.to_owned());
                }
                return Ok(None);
            };
            let imported = Imported {
                thumbprint,
                key: key.unchecked_into(),
            };
            if let Ok(mut known) = self.keys.try_borrow_mut() {
                if known.len() >= MAX_KEYS {
                    known.clear();
                }
                known.push(imported.clone());
            }
            keys.push(imported);
        }
        Ok(Some(keys))
    }

    /// Returns whether Web Crypto refused to import a key with this `kid`.
    fn is_unsupported(&self, kid: &str) -> bool {
        let unsupported = self.unsupported.try_borrow();
        unsupported.is_ok_and(|kids| kids.iter().any(|known| known == kid))
    }

    fn known(&self, thumbprint: &str) -> Option<Imported> {
        let keys = self.keys.try_borrow().ok()?;
        keys.iter()
            .find(|key| key.thumbprint == thumbprint)
            .cloned()
    }

    fn remember(&self, token: &[u8], kid: &str, imported: Imported) {
        let header = token.split(|byte| *byte == b'.').next();
        if let Some(header) = header
            && let Ok(mut latest) = self.latest.try_borrow_mut()
            && latest.as_ref().is_none_or(|latest| {
                latest.header != header || latest.imported.thumbprint != imported.thumbprint
            })
        {
            *latest = Some(Latest {
                header: header.to_owned(),
                kid: kid.to_owned(),
                imported,
            });
        }
    }

    /// Offers the store's value to the cache. A failing store is ignored, because it is only an
    /// optimization.
    async fn ask(&self, store: &TokenStore) {
        if let Ok(value) = in_time(store.get()).await
            && value.is_truthy()
            && let Some(text) = JSON::stringify(&value)
                .ok()
                .and_then(|text| text.as_string())
            && let Ok(mut cache) = self.cache()
        {
            cache.adopt(text.as_bytes(), now_ms());
        }
    }

    /// Fetches the JWK Set and reports the outcome to the cache. Returns the reason of a failed
    /// fetch.
    async fn fetch(&self, ticket: Ticket) -> Result<Option<JsValue>, JsValue> {
        let fetched = match self.fetch_jwks.call0(&JsValue::UNDEFINED) {
            Ok(promise) => outcome_of(&promise).await,
            Err(reason) => Err(reason),
        };
        let body = match fetched {
            Ok(body) => body.as_string().unwrap_or_default(),
            Err(reason) => {
                self.cache()?.failed(ticket, now_ms());
                return Ok(Some(reason));
            }
        };
        let stored = {
            let mut cache = self.cache()?;
            let held = cache.received(ticket, body.as_bytes(), now_ms());
            if held && let Ok(mut unsupported) = self.unsupported.try_borrow_mut() {
                unsupported.clear();
            }
            held.then(|| cache.to_stored())
        };
        if let (Some(stored), Some(store)) = (stored, &self.store)
            && let Ok(value) = JSON::parse(&stored)
        {
            // The set is held here, even if the store fails.
            let _ = in_time(store.set(&value)).await;
        }
        Ok(None)
    }
}

/// Imports an RS256 key, given as JWK text (RFC 7517). Resolves to a `CryptoKey`.
///
/// Throws if Web Crypto is missing, or if it rejects the key at once.
#[wasm_bindgen(js_name = importTokenKey, unchecked_return_type = "Promise<CryptoKey>")]
pub fn import_token_key(jwk: &str) -> Result<Promise, JsValue> {
    WebCrypto::global()?.import_rs256_key(jwk)
}

/// Starts to verify the RS256 signature of a compact JWS. It does not check the claims.
///
/// A signature that is not base64url counts as empty. Throws if Web Crypto is missing.
#[wasm_bindgen(js_name = verifyTokenSignature, unchecked_return_type = "Promise<boolean>")]
pub fn verify_token_signature(key: &CryptoKey, token: &[u8]) -> Result<Promise, JsValue> {
    verify_signature(&WebCrypto::global()?, token, key)
}

/// Returns the `Refusal` of a token whose session was not active in the live check.
#[wasm_bindgen(js_name = sessionRevoked, unchecked_return_type = "Refusal")]
pub fn session_revoked() -> JsValue {
    Rejection::SESSION_REVOKED.into()
}

/// Returns how many bytes a `VerifiedClaims` takes at most: the claims and texts that are parts of them,
/// with two bytes for each character if one is not ASCII.
fn bytes_of(claims: &str) -> usize {
    claims
        .len()
        .saturating_mul(if claims.is_ascii() { 2 } else { 4 })
}

fn expected_of(given: &Given) -> Expected<'_> {
    let audience = given.audience.iter().flatten();
    Expected {
        merchant_id: given.merchant_id.as_deref(),
        audience: audience.map(String::as_str).collect(),
        issuer: given.issuer.as_deref().unwrap_or(ISSUER),
        // The cast saturates.
        clock_tolerance_ms: given.clock_tolerance_ms.unwrap_or_default() as i64,
    }
}

/// Asks Web Crypto whether the signature is valid under the key, or returns the question that was
/// asked early.
///
/// The inner error says why this key cannot be used. The next key may work.
fn ask(
    token: &UnverifiedToken<'_>,
    imported: &Imported,
    early: Option<&Early>,
) -> Result<Result<Promise, JsValue>, JsValue> {
    if let Some(early) = early.filter(|early| early.thumbprint == imported.thumbprint) {
        early.awaited.set(true);
        return Ok(Ok(early.result.clone()));
    }
    let (signature, signed) = (token.signature(), token.signing_input());
    Ok(WebCrypto::global()?.verify_rs256(&imported.key, signature, signed))
}

/// Returns the refusal with its cause.
fn with_cause(rejection: Rejection, cause: Option<JsValue>) -> JsValue {
    let refusal = JsValue::from(rejection);
    if let Some(cause) = cause {
        // A plain object accepts another member.
        let _ = js_sys::Reflect::set(&refusal, &"cause".into(), &cause);
    }
    refusal
}

/// Returns the result of a store's call, or fails after the time limit of the store.
async fn in_time(called: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    let called = called?;
    let mut stop = Stop::new();
    stop.after(STORE_TIMEOUT_MS, || ());
    match stop.unless(outcome_of(&called)).await {
        Some(outcome) => outcome,
        None => Err(JsValue::UNDEFINED),
    }
}
