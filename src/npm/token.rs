//! Access tokens for TypeScript.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;

use super::refusal;
use crate::json::Document;
use crate::token::{
    Attempt, Expected, ISSUER, Jwk, JwkSetCache, Plan, Rejection, Ticket, UnverifiedToken,
};
use crate::web::rsa::{self, KeyRing};

impl From<Rejection> for JsValue {
    fn from(rejection: Rejection) -> Self {
        refusal(rejection.code.as_str(), rejection.message)
    }
}

/// The JWK Set cache and the imported keys of one client.
///
/// TypeScript drives it: it calls `step`, does what the answer says, and calls `step` again. Nothing is kept here between the steps of one
/// verification, so a request that is cancelled between two of them leaves nothing behind.
#[wasm_bindgen]
pub struct TokenVerifier {
    cache: JwkSetCache,
    keys: KeyRing,
}

#[wasm_bindgen]
impl TokenVerifier {
    /// An empty cache with `jwksCooldownSeconds`.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(cooldown_seconds: f64) -> Self {
        Self {
            cache: JwkSetCache::new((cooldown_seconds * 1000.0) as i64),
            keys: KeyRing::default(),
        }
    }

    /// The next step of a verification. `expected` is the JSON text of `{ merchantId?, audience, issuer?, clockToleranceMs }`, `now` milliseconds since
    /// 1970, `attempt` 0 at first, 1 once the store was asked and 2 once the fetch of ticket (`ordinal`, `begun_at`) has been reported.
    ///
    /// Answers one of
    /// - `[0, promise, verdict]`: where the promise resolves to true, or to a list with a true in it, the verdict holds: the verified token as JSON text or a refusal `CODE message`;
    /// - `[1, promise, thumbprint]`: `keep` the key that the promise resolves to, or `discard` the thumbprint where it rejects, then step again;
    /// - `[2, ordinal, begun_at]`: ask the store and step again with attempt 1, or fetch, report by `answered` or `failed`, and step again with attempt 2;
    /// - `[3, milliseconds]`: wait, then step again.
    ///
    /// Throws a refusal `CODE message`.
    pub fn step(
        &mut self,
        token: &[u8],
        expected: &str,
        now: f64,
        attempt: u8,
        ordinal: u32,
        begun_at: f64,
    ) -> Result<Array, JsValue> {
        let now_ms = now as i64;
        let token = UnverifiedToken::parse(token)?;
        let expected = read_expected(expected)
            .ok_or_else(|| js_sys::Error::new("verifyToken: the expectations could not be read"))?;
        let attempt = match attempt {
            0 => Attempt::First,
            1 => Attempt::StoreAsked(ticket(ordinal, begun_at)),
            _ => Attempt::Fetched,
        };
        match self.cache.plan(token.kid(), attempt, now_ms) {
            Plan::Use => {}
            Plan::Fetch(ticket) => {
                return Ok(Array::of3(
                    &2.into(),
                    &ticket.ordinal.into(),
                    &(ticket.begun_at_ms as f64).into(),
                ));
            }
            Plan::Wait(milliseconds) => return Ok(Array::of2(&3.into(), &milliseconds.into())),
            Plan::Refuse(rejection) => return Err(rejection.into()),
        }
        let answers = Array::new();
        for candidate in self.cache.candidates(token.kid().unwrap_or_default()) {
            let thumbprint = candidate.thumbprint();
            let Some(key) = self.keys.get(thumbprint) else {
                return Ok(Array::of3(
                    &1.into(),
                    &rsa::import(candidate)?.into(),
                    &thumbprint.into(),
                ));
            };
            answers.push(&rsa::verify(key, token.signature(), token.signing_input())?.into());
        }
        let promise = if answers.length() == 1 {
            answers.get(0)
        } else {
            Promise::all(&answers).into()
        };
        let verdict = match token.judge(&expected, now_ms) {
            Ok(claims) => claims.to_json().into(),
            Err(rejection) => rejection.into(),
        };
        Ok(Array::of3(&0.into(), &promise, &verdict))
    }

    /// Keeps an imported key.
    pub fn keep(&mut self, thumbprint: String, key: CryptoKey) {
        self.keys.keep(thumbprint, key);
    }

    /// Leaves out a key that could not be imported.
    pub fn discard(&mut self, thumbprint: &str) {
        self.cache.remove_key(thumbprint);
    }

    /// Reports an answer with status 200. Returns the value for the store where the answer is now the held set.
    pub fn answered(
        &mut self,
        ordinal: u32,
        begun_at: f64,
        body: &[u8],
        now: f64,
    ) -> Option<String> {
        let adopted = self
            .cache
            .answered(ticket(ordinal, begun_at), body, now as i64);
        adopted.then(|| self.cache.to_stored()).flatten()
    }

    /// Reports a fetch that failed.
    pub fn failed(&mut self, ordinal: u32, begun_at: f64, now: f64) {
        self.cache.failed(ticket(ordinal, begun_at), now as i64);
    }

    /// Offers the store's value as JSON text; one that is not usable is passed over.
    pub fn adopt(&mut self, value: &[u8], now: f64) {
        self.cache.adopt(value, now as i64);
    }
}

/// The refusal of a signature that does not hold.
#[wasm_bindgen(js_name = tokenSignatureInvalid)]
#[must_use]
pub fn token_signature_invalid() -> JsValue {
    Rejection::SIGNATURE_INVALID.into()
}

/// The refusal of a session that the live look-up did not find active.
#[wasm_bindgen(js_name = tokenSessionRevoked)]
#[must_use]
pub fn token_session_revoked() -> JsValue {
    Rejection::SESSION_REVOKED.into()
}

/// Imports an RS256 key as tokens are verified with, from base64url modulus and exponent. Resolves to a `CryptoKey`; `undefined` for a key that is refused.
///
/// With [`rs256_verify`] it lets test vectors, which are no tokens, take the shipped path.
#[wasm_bindgen(js_name = rs256Key)]
pub fn rs256_key(n: String, e: String) -> Result<Option<Promise>, JsValue> {
    Jwk::from_parts(String::new(), n, e)
        .map(|key| rsa::import(&key))
        .transpose()
}

/// Verifies as tokens are verified. Resolves to a boolean.
#[wasm_bindgen(js_name = rs256Verify)]
pub fn rs256_verify(key: &CryptoKey, signature: &[u8], signed: &[u8]) -> Result<Promise, JsValue> {
    rsa::verify(key, signature, signed)
}

fn ticket(ordinal: u32, begun_at: f64) -> Ticket {
    Ticket {
        ordinal,
        begun_at_ms: begun_at as i64,
    }
}

/// `None` unless every member is there in its type: a merchant id that could not be read must not pass for none.
fn read_expected(text: &str) -> Option<Expected> {
    let document = Document::parse(text.as_bytes()).ok()?;
    let given = document.root();
    let merchant_id = match given.get("merchantId") {
        Some(merchant_id) => Some(merchant_id.to_text()?),
        None => None,
    };
    Some(Expected {
        merchant_id,
        audience: given.get("audience")?.to_texts()?,
        issuer: match given.get("issuer") {
            Some(issuer) => issuer.to_text()?,
            None => ISSUER.to_owned(),
        },
        clock_tolerance_ms: given.get("clockToleranceMs")?.as_integer()?,
    })
}
