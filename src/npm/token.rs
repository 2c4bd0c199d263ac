//! Access tokens for TypeScript.

use super::{Answer, Input, field, fields, refusal};
use crate::json::push_integer;
use crate::task::Task;
use crate::token::{
    Attempt, Decoded, Expected, ISSUER, Jwk, JwkSetCache, Plan, Rejection, Ticket, UnverifiedToken,
};

impl From<Rejection> for String {
    fn from(rejection: Rejection) -> Self {
        refusal(rejection.code.as_str(), rejection.message)
    }
}

/// [`Task::JwksCache`].
pub fn cache(input: &Input<'_>) -> JwkSetCache {
    // The cast saturates.
    JwkSetCache::new((input.a * 1000.0) as i64)
}

/// The tasks of tokens.
pub fn proceed(cache: &mut JwkSetCache, task: Task, input: &Input<'_>) -> Answer {
    let now_ms = input.a as i64;
    let ticket = Ticket {
        ordinal: input.c as u32,
        begun_at_ms: input.d as i64,
    };
    match task {
        Task::TokenStep => return step(cache, ticket, input),
        Task::TokenKey => return Ok(cache.key(input.text).map_or("", Jwk::json).to_owned()),
        Task::TokenDiscard => cache.remove_key(input.text),
        Task::TokenAnswered if cache.answered(ticket, input.bytes, now_ms) => {
            return Ok(cache.to_stored());
        }
        Task::TokenFailed => cache.failed(ticket, now_ms),
        Task::TokenAdopt => {
            cache.adopt(input.bytes, now_ms);
        }
        _ => {}
    }
    Ok(String::new())
}

/// [`Task::TokenStep`].
fn step(cache: &mut JwkSetCache, ticket: Ticket, input: &Input<'_>) -> Answer {
    let now_ms = input.a as i64;
    let mut decoded = Decoded::default();
    let token = UnverifiedToken::parse(input.bytes, &mut decoded)?;
    let kid = token.kid();
    let attempt = if input.c == 0.0 {
        Attempt::First
    } else if input.c > 0.0 {
        Attempt::StoreAsked(ticket)
    } else {
        Attempt::Fetched
    };
    let mut answer = String::new();
    match cache.plan(kid, attempt, now_ms) {
        Plan::Use => {
            for key in cache.candidates(kid.unwrap_or_default()) {
                answer.push(if answer.is_empty() { 'v' } else { ',' });
                answer.push_str(key.thumbprint());
            }
            answer.push('\0');
            match token.judge(&expected(input), now_ms) {
                Ok(claims) => {
                    if let Some(issued_at_ms) = claims.issued_at_ms() {
                        push_integer(&mut answer, issued_at_ms);
                    }
                    answer.push('\0');
                    push_integer(&mut answer, claims.expires_at_ms());
                    answer.push('\0');
                    answer.push_str(claims.json());
                }
                Err(rejection) => answer.push_str(&String::from(rejection)),
            }
        }
        Plan::Fetch(ticket) => {
            answer.push('f');
            push_integer(&mut answer, i64::from(ticket.ordinal));
            answer.push('\0');
            push_integer(&mut answer, ticket.begun_at_ms);
        }
        Plan::Wait(milliseconds) => {
            answer.push('w');
            push_integer(&mut answer, i64::from(milliseconds));
        }
        Plan::Refuse(rejection) => return Err(rejection.into()),
    }
    Ok(answer)
}

fn expected<'i>(input: &Input<'i>) -> Expected<'i> {
    let mut fields = fields(input);
    let merchant_id = field(&mut fields);
    let issuer = field(&mut fields);
    let mut audience = Vec::new();
    for name in fields {
        audience.push(name);
    }
    Expected {
        merchant_id: (!merchant_id.is_empty()).then_some(merchant_id),
        issuer: if issuer.is_empty() { ISSUER } else { issuer },
        audience,
        // The cast saturates.
        clock_tolerance_ms: input.b as i64,
    }
}
