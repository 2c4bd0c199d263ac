//! What the npm package's TypeScript calls: translation only. Each export of a wasm costs code on both sides, so one
//! function does every [`Task`] that needs no JavaScript value; those of Web Crypto have functions of their own.
#![allow(unsafe_code)] // wasm-bindgen's generated glue.

mod call;
mod crypto;
mod invoice;
mod token;
mod webhook;

use std::str::from_utf8;

use wasm_bindgen::prelude::*;

use crate::client::Call;
use crate::task::Task;
use crate::text::split;
use crate::token::JwkSetCache;

/// 3 KB smaller (gzip) than the standard library's dlmalloc, and as frugal with memory.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// What a task is given.
struct Input<'a> {
    text: &'a str,
    bytes: &'a [u8],
    a: f64,
    b: f64,
    c: f64,
    d: f64,
}

/// What a task answers, or a [`refusal`].
type Answer = Result<String, String>;

/// What one call, or the tokens of one client, keep between their tasks.
///
/// Every task is synchronous and leaves nothing half-made, so a request that is cancelled between two of them leaves nothing behind.
#[wasm_bindgen]
#[derive(Default)]
pub struct Core {
    /// Boxed, so that moving it is cheap.
    call: Option<Box<Call>>,
    tokens: Option<JwkSetCache>,
}

#[wasm_bindgen]
impl Core {
    /// Without a call or tokens.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does a [`Task`], given by its number. Answers its text, or a refusal: `!CODE message`.
    #[allow(clippy::too_many_arguments, clippy::many_single_char_names)] // Numbers are cheap at this boundary, an object is not.
    pub fn run(
        &mut self,
        task: usize,
        text: &str,
        bytes: &[u8],
        a: f64,
        b: f64,
        c: f64,
        d: f64,
    ) -> String {
        let input = Input {
            text,
            bytes,
            a,
            b,
            c,
            d,
        };
        let answer = match Task::ALL.get(task) {
            Some(task) => self.answer(*task, &input),
            None => Ok(String::new()),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    fn answer(&mut self, task: Task, input: &Input<'_>) -> Answer {
        match task {
            Task::WebhookEvent => webhook::event(input),
            Task::WebhookSync => webhook::sync(input),
            Task::WebhookMismatch => Err(webhook::mismatch()),
            Task::WebhookNotRaw => Err(webhook::not_raw()),
            Task::WebhookSign => Ok(webhook::sign(input)),
            Task::TokenSignatureInvalid => Err(crate::token::Rejection::SIGNATURE_INVALID.into()),
            Task::TokenSessionRevoked => Err(crate::token::Rejection::SESSION_REVOKED.into()),
            Task::RetryAfter => Ok(call::retry_after(input)),
            Task::InvoiceJudge => Ok(invoice::judge(input)),
            Task::JwksCache => {
                self.tokens = Some(token::cache(input));
                Ok(String::new())
            }
            Task::CallBegin => {
                let (call, answer) = call::begin(input)?;
                self.call = Some(call);
                Ok(answer)
            }
            Task::CallPolicy
            | Task::CallAuthorize
            | Task::CallAttempt
            | Task::CallResponse
            | Task::CallFailure => match &mut self.call {
                Some(call) => call::proceed(call, task, input),
                None => Ok(String::new()),
            },
            _ => match &mut self.tokens {
                Some(tokens) => token::proceed(tokens, task, input),
                None => Ok(String::new()),
            },
        }
    }
}

/// A refusal on its way to TypeScript: `!CODE message`.
fn refusal(code: &str, message: &str) -> String {
    ["!", code, " ", message].concat()
}

/// A field that is there; what is not counts as empty.
fn field<'a>(fields: &mut impl Iterator<Item = &'a str>) -> &'a str {
    fields.next().unwrap_or_default()
}

fn fields<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    split(input.text, 0)
}
