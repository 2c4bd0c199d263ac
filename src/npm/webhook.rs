//! Webhooks for TypeScript.

use super::{Answer, Input, field, fields, refusal};
use crate::text::{split, split_once};
use crate::webhook::{Code, Rejection, SignatureHeader, event, hmac};

impl From<Rejection> for String {
    fn from(rejection: Rejection) -> Self {
        refusal(rejection.code.as_str(), &rejection.message)
    }
}

/// [`Task::WebhookEvent`](crate::task::Task::WebhookEvent).
pub fn event(input: &Input<'_>) -> Answer {
    let mut fields = fields(input);
    let event = event::read(input.bytes, field(&mut fields), field(&mut fields))?;
    Ok(event.into_text())
}

/// [`Task::WebhookSync`](crate::task::Task::WebhookSync).
pub fn sync(input: &Input<'_>) -> Answer {
    // The secrets come first and are counted: what a sender writes into a header never passes for one.
    let mut rest = input.text;
    for _ in 0..input.c as usize {
        rest = split_once(rest, 0).map_or("", |(_, rest)| rest);
    }
    let secrets = input
        .text
        .get(..input.text.len().saturating_sub(rest.len()))
        .unwrap_or_default();
    let secrets = split(secrets, 0).filter(|secret| !secret.is_empty());
    let mut fields = split(rest, 0);
    let header = SignatureHeader::parse(field(&mut fields))?;
    header.check_time(input.a, input.b)?;
    if !hmac::verify(secrets, &header, input.bytes) {
        return Err(mismatch());
    }
    let event = event::read(input.bytes, field(&mut fields), field(&mut fields))?;
    Ok(if input.d == 1.0 {
        super::from_utf8(input.bytes).unwrap_or_default().to_owned()
    } else {
        event.into_text()
    })
}

/// [`Task::WebhookMismatch`](crate::task::Task::WebhookMismatch).
pub fn mismatch() -> String {
    Rejection::new(Code::SignatureMismatch).into()
}

/// [`Task::WebhookNotRaw`](crate::task::Task::WebhookNotRaw).
pub fn not_raw() -> String {
    Rejection::new(Code::BodyNotRaw).into()
}

/// [`Task::WebhookSign`](crate::task::Task::WebhookSign).
pub fn sign(input: &Input<'_>) -> String {
    let (timestamp, secret) = split_once(input.text, 0).unwrap_or_default();
    hmac::sign(secret, timestamp, input.bytes)
}
