//! Calls for TypeScript, which sends and waits.

use super::{Answer, Input, field, refusal};
use crate::client::{
    Backoff, Bound, Call, Failure, Host, Moment, Refusal, RefusalCode, Response, RetryCodes,
    RetryPolicy, Step, operation, parse_retry_after,
};
use crate::json::push_integer;
use crate::model::Naming;
use crate::task::Task;

impl From<Refusal> for String {
    fn from(refused: Refusal) -> Self {
        refusal(refused.code.as_str(), &refused.message)
    }
}

fn bad_argument(message: &str) -> String {
    refusal(RefusalCode::Argument.as_str(), message)
}

/// [`Task::CallBegin`].
pub fn begin(input: &Input<'_>) -> Result<(Box<Call>, String), String> {
    let mut fields = super::fields(input);
    let operation =
        operation(field(&mut fields)).ok_or_else(|| bad_argument("There is no such operation"))?;
    let (agents_url, identity_url) = (field(&mut fields), field(&mut fields));
    let given = match operation.host {
        Host::Agents => agents_url,
        Host::Identity => identity_url,
    };
    let base_url = if given.is_empty() {
        operation.host.url()
    } else {
        given
    };
    let naming = if input.a == 1.0 {
        Naming::Wire
    } else {
        Naming::JavaScript
    };
    let argument = field(&mut fields);
    let call = Call::new(operation, argument, naming, base_url, random(input)?)?;
    let mut answer = String::from(if call.needs_key() { "1" } else { "0" });
    answer.push_str(call.idempotency_key().unwrap_or_default());
    Ok((call, answer))
}

/// The tasks of a call that has begun.
pub fn proceed(call: &mut Call, task: Task, input: &Input<'_>) -> Answer {
    let moment = Moment {
        // The cast saturates; not-a-number is 0.
        now_ms: input.a as i64,
        jitter: input.b,
    };
    let step = match task {
        Task::CallResponse => call.on_response(
            &Response {
                status: input.c as u16,
                retry_after: Some(input.text.to_owned()),
                body: input.bytes.to_vec(),
                truncated: input.d == 1.0,
            },
            moment,
        ),
        Task::CallFailure => {
            let failure = Failure::ALL.get(input.c as usize).copied();
            call.on_failure(failure.unwrap_or(Failure::Unexpected), moment)
        }
        Task::CallAttempt => return attempt(call, input),
        Task::CallAuthorize => {
            call.authorize(input.text)?;
            return Ok(String::new());
        }
        _ => {
            call.set_policy(policy(input)?);
            return Ok(String::new());
        }
    };
    Ok(end(step))
}

/// [`Task::CallPolicy`].
fn policy(input: &Input<'_>) -> Result<RetryPolicy, String> {
    let mut numbers = input
        .bytes
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap_or_default()));
    let mut number = || numbers.next().unwrap_or_default();
    let most = number();
    let backoff = Backoff {
        initial_interval: number(),
        max_interval: number(),
        exponent: number(),
    };
    let elapsed = number();
    let mut policy = RetryPolicy::default();
    if most == -1.0 {
        policy = RetryPolicy::within(backoff, elapsed).map_err(bad_argument)?;
    } else if most >= 0.0 {
        policy.bound = Bound::Retries(most as u32);
    }
    if input.text != "*" {
        let mut codes = super::fields(input);
        // Before the first code stands an empty field.
        field(&mut codes);
        policy.codes = RetryCodes::parse(codes).map_err(|_| {
            bad_argument("`retryCodes` must hold statuses such as \"429\" or \"5XX\"")
        })?;
    }
    policy.connection_errors = number() == 1.0;
    policy.timeouts = number() == 1.0;
    Ok(policy)
}

/// [`Task::CallAttempt`].
fn attempt(call: &mut Call, input: &Input<'_>) -> Answer {
    let request = call.attempt(input.a as i64, random(input)?);
    let mut text = String::from(request.url);
    push_fields(&mut text, &[request.method, request.body]);
    for (name, value) in &request.headers() {
        if !value.is_empty() {
            push_fields(&mut text, &[name, value]);
        }
    }
    Ok(text)
}

fn push_fields(text: &mut String, fields: &[&str]) {
    for field in fields {
        text.push('\0');
        text.push_str(field);
    }
}

fn end(step: Step) -> String {
    let mut text = String::new();
    match step {
        Step::Retry { delay_ms } => {
            text.push('r');
            push_integer(&mut text, delay_ms);
        }
        Step::Done(answer) => {
            text.push('d');
            text.push_str(&answer.into_text());
        }
        Step::Fail(fault) => {
            text.push('x');
            text.push_str(fault.kind.class());
            let exhausted = if fault.exhausted { "1" } else { "" };
            let error = fault.error.as_deref().unwrap_or_default();
            // The message is the server's: whatever it holds, it comes last.
            push_fields(&mut text, &[exhausted, error, &fault.message]);
        }
    }
    text
}

/// [`Task::RetryAfter`].
pub fn retry_after(input: &Input<'_>) -> String {
    let mut text = String::new();
    if let Some(wait) = parse_retry_after(input.text, input.a as i64) {
        push_integer(&mut text, wait);
    }
    text
}

fn random<'a>(input: &Input<'a>) -> Result<&'a [u8; 16], String> {
    let bytes = input.bytes.try_into();
    bytes.map_err(|_| bad_argument("16 random bytes are needed"))
}
