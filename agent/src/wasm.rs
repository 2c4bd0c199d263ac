//! The functions that JavaScript calls. Arguments and results are JSON text. Keys stay inside.
#![allow(unsafe_code)] // Needed for the code that wasm-bindgen generates, and for the allocator.
#![allow(unreachable_pub)] // JavaScript uses what wasm-bindgen exports.

use crate::attempt::Attempt;
use crate::bytes::{from_hex, to_hex};
use crate::evm;
use crate::failure::{Failure, Result};
use crate::json::Value;
use crate::limits::{Limits, evaluate};
use crate::pay::{self, Options, Outcome, Settings, Target};
#[allow(unused_imports)]
use crate::prelude::*;
use crate::solana;
use crate::task::{Reply, Step, Task};
use crate::written::{Written, text};
use wasm_bindgen::prelude::*;

/// This allocator is smaller than the standard library's and uses as little memory.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

fn thrown(failure: &Failure) -> JsValue {
    JsValue::from_str(&text(failure))
}

/// Returns `{ NAME: value }`, which tells JavaScript how the task continues.
fn next(name: &str, value: &dyn Written) -> String {
    ["{\"", name, "\":", &text(value), "}"].concat()
}

/// A payment or a `resume` in progress. JavaScript carries out each effect.
#[wasm_bindgen]
pub struct AgentTask {
    task: Task<Outcome>,
}

#[wasm_bindgen]
impl AgentTask {
    /// Starts a payment. Throws JSON `{ code, phase, mayHaveSettled, message }`.
    pub fn pay(settings: &str, target: &str, options: &str) -> Result<Self, JsValue> {
        let failed = |failure: Box<Failure>| thrown(&failure);
        let settings = Settings::read(settings).map_err(failed)?;
        let target = Target::read(target).map_err(failed)?;
        let options = Options::read(options).map_err(failed)?;
        let task = Task::new(|io| pay::pay(io, settings, target, options));
        Ok(Self { task })
    }

    /// Finishes the attempts that are not finished. Throws the same JSON as `pay`.
    pub fn resume(settings: &str) -> Result<Self, JsValue> {
        let settings = Settings::read(settings).map_err(|failure| thrown(&failure))?;
        let task = Task::new(|io| pay::resume(io, settings));
        Ok(Self { task })
    }

    /// Continues with the reply to the last effect. `now` is in milliseconds since 1970. Returns `{
    /// effect }`, `{ outcome }` or `{ failure }`.
    // The conversion from float to integer saturates: negative numbers and NaN become 0.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn step(&mut self, reply: Option<String>, now: f64) -> String {
        let reply = reply.map(|reply| Reply::read(&reply));
        match self.task.step(reply, now as u64) {
            Step::Ask(effect) => next("effect", &effect),
            Step::Done(Ok(outcome)) => next("outcome", &outcome),
            Step::Done(Err(failure)) => next("failure", &failure),
        }
    }
}

/// Checks the agent's options. Throws JSON `{ code, phase, mayHaveSettled, message }`.
#[wasm_bindgen(js_name = checkSettings)]
pub fn check_settings(settings: &str) -> Result<(), JsValue> {
    Settings::read(settings)
        .map(|_| ())
        .map_err(|failure| thrown(&failure))
}

/// Decides for a journal whether `attempt` may be reserved within `limits`, given the `known`
/// attempts. Returns `undefined`, or the refusal as JSON.
#[wasm_bindgen(js_name = evaluateReservation)]
pub fn evaluate_reservation(
    attempt: &str,
    limits: &str,
    known: &str,
) -> Result<Option<String>, JsValue> {
    let parse = |text: &str| -> Option<(Attempt, Limits, Vec<Attempt>)> {
        let attempt = Attempt::read(Value::parse(text.as_bytes()).ok()?)?;
        let limits = read_limits(limits)?;
        let known = Value::parse(known.as_bytes()).ok()?.as_array()?;
        let known = known
            .into_iter()
            .map(Attempt::read)
            .collect::<Option<_>>()?;
        Some((attempt, limits, known))
    };
    // A record that cannot be read could be the one that forbids the payment.
    let Some((attempt, limits, known)) = parse(attempt) else {
        return Err(JsValue::from_str(
            "the journal holds an attempt that cannot be read",
        ));
    };
    Ok(evaluate(&attempt, &limits, &known)
        .err()
        .map(|refusal| text(&refusal)))
}

/// Returns how far back a journal has to read for the limits, in seconds.
#[wasm_bindgen(js_name = longestLimit)]
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn longest_limit(limits: &str) -> Option<f64> {
    Some(read_limits(limits)?.longest_s() as f64)
}

#[inline(never)] // Once in the module.
fn read_limits(text: &str) -> Option<Limits> {
    Limits::read(Value::parse(text.as_bytes()).ok()?).ok()
}

/// A secp256k1 private key. It never leaves the module.
#[wasm_bindgen]
pub struct EvmKey(evm::EvmKey);

#[wasm_bindgen]
impl EvmKey {
    /// Reads 64 hexadecimal digits. `undefined` if they are not a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        evm::EvmKey::parse(text).map(Self)
    }

    /// Returns the wallet's address.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.address().text()
    }

    /// Signs a 32-byte digest. The digest and the signature are hexadecimal.
    #[must_use]
    pub fn sign(&self, digest: &str) -> Option<String> {
        let digest = from_hex(digest)?.try_into().ok()?;
        Some(to_hex(&self.0.sign(&digest)))
    }
}

/// An ed25519 private key. It never leaves the module.
#[wasm_bindgen]
pub struct SolanaKey(solana::SolanaKey);

#[wasm_bindgen]
impl SolanaKey {
    /// Reads 32 or 64 bytes. `undefined` if they are not a key.
    #[wasm_bindgen(js_name = fromBytes)]
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        solana::SolanaKey::from_bytes(bytes).map(Self)
    }

    /// Returns the wallet's address.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.address().text()
    }

    /// Returns the signature of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).to_vec()
    }
}

/// Decodes base58. `undefined` if the text is not base58 or is longer than a key pair.
#[wasm_bindgen(js_name = fromBase58)]
#[must_use]
pub fn from_base58(text: &str) -> Option<Vec<u8>> {
    (text.len() <= 90).then(|| bs58::decode(text).into_vec().ok())?
}

/// Encodes bytes in base58.
#[wasm_bindgen(js_name = toBase58)]
#[must_use]
pub fn to_base58(bytes: &[u8]) -> String {
    bs58::encode(bytes).into_string()
}
