//! Calls for TypeScript, which sends and waits.

use wasm_bindgen::prelude::*;

use super::refusal;
use crate::client::{
    self, Backoff, Bound, Failure, Fault, Host, Moment, Refusal, RefusalCode, Response, RetryCodes,
    RetryPolicy, Step, operation,
};
use crate::json::push_string;
use crate::model::Naming;
use crate::text::split;

impl From<Refusal> for JsValue {
    fn from(refused: Refusal) -> Self {
        refusal(refused.code.as_str(), &refused.message)
    }
}

fn bad_argument(message: &str) -> JsValue {
    Refusal::new(RefusalCode::Argument, &[message]).into()
}

/// One call of an operation. See [`client::Call`]; every method is synchronous.
#[wasm_bindgen]
pub struct Call {
    /// Boxed, so that handing it on is cheap.
    call: Box<client::Call>,
    value: Option<String>,
    fault: Option<Fault>,
}

#[wasm_bindgen]
impl Call {
    /// Checks `argument` (JSON) and builds the request. `wire`: the argument and the answer are named as on the wire.
    /// An empty URL stands for Gwop's own. The last four are random.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::too_many_arguments)] // Numbers are cheap at this boundary, an object is not.
    pub fn new(
        name: &str,
        argument: &str,
        wire: bool,
        agents_url: &str,
        identity_url: &str,
        random_1: u32,
        random_2: u32,
        random_3: u32,
        random_4: u32,
    ) -> Result<Self, JsValue> {
        let operation =
            operation(name).ok_or_else(|| bad_argument("There is no such operation"))?;
        let given = match operation.host {
            Host::Agents => agents_url,
            Host::Identity => identity_url,
        };
        let base_url = if given.is_empty() {
            operation.host.url()
        } else {
            given
        };
        let naming = if wire {
            Naming::Wire
        } else {
            Naming::JavaScript
        };
        let call = client::Call::new(
            operation,
            argument,
            naming,
            base_url,
            bytes([random_1, random_2, random_3, random_4]),
        )?;
        Ok(Self {
            call,
            value: None,
            fault: None,
        })
    }

    /// Replaces the retry policy. `most`: so many retries; -1: as many as `elapsed` milliseconds allow; less: the
    /// default. `codes`: the statuses that are retried, joined by commas, or `*` for the default ones.
    #[wasm_bindgen(js_name = setPolicy)]
    #[allow(clippy::too_many_arguments)] // Numbers are cheap at this boundary, an object is not.
    pub fn set_policy(
        &mut self,
        most: i32,
        initial_interval: f64,
        max_interval: f64,
        exponent: f64,
        elapsed: f64,
        codes: &str,
        connection_errors: bool,
        timeouts: bool,
    ) -> Result<(), JsValue> {
        let mut policy = RetryPolicy::default();
        if most == -1 {
            let backoff = Backoff {
                initial_interval,
                max_interval,
                exponent,
            };
            policy = RetryPolicy::within(backoff, elapsed).map_err(bad_argument)?;
        } else if let Ok(most) = u32::try_from(most) {
            policy.bound = Bound::Retries(most);
        }
        if codes != "*" {
            policy.codes = RetryCodes::parse(split(codes, b',').filter(|code| !code.is_empty()))
                .map_err(|_| {
                    bad_argument("`retryCodes` must hold statuses such as \"429\" or \"5XX\"")
                })?;
        }
        policy.connection_errors = connection_errors;
        policy.timeouts = timeouts;
        self.call.set_policy(policy);
        Ok(())
    }

    /// Whether [`Self::authorize`] is needed.
    #[wasm_bindgen(js_name = needsKey)]
    pub fn needs_key(&self) -> bool {
        self.call.needs_key()
    }

    /// Takes the merchant key.
    pub fn authorize(&mut self, merchant_key: &str) -> Result<(), JsValue> {
        Ok(self.call.authorize(merchant_key)?)
    }

    /// The idempotency key, where the operation has one.
    #[wasm_bindgen(js_name = idempotencyKey)]
    pub fn idempotency_key(&self) -> Option<String> {
        self.call.idempotency_key().map(str::to_owned)
    }

    /// The next attempt: `{"url","init":{"method","headers","body"?}}`. The last four are random.
    pub fn attempt(
        &mut self,
        now_ms: f64,
        random_1: u32,
        random_2: u32,
        random_3: u32,
        random_4: u32,
    ) -> String {
        let random = bytes([random_1, random_2, random_3, random_4]);
        let request = self.call.attempt(now_ms as i64, random);
        let mut text = String::from("{\"url\":");
        push_string(&mut text, &request.url);
        text.push_str(",\"init\":{\"method\":");
        push_string(&mut text, request.method);
        text.push_str(",\"headers\":{");
        for (index, (name, value)) in request.headers.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_string(&mut text, name);
            text.push(':');
            push_string(&mut text, value);
        }
        text.push('}');
        if let Some(body) = &request.body {
            text.push_str(",\"body\":");
            push_string(&mut text, body);
        }
        text.push_str("}}");
        text
    }

    /// Judges an answer. The milliseconds to wait before the next attempt, or `undefined` when the call is over.
    #[wasm_bindgen(js_name = onResponse)]
    pub fn on_response(
        &mut self,
        status: u16,
        retry_after: Option<String>,
        body: Vec<u8>,
        truncated: bool,
        now_ms: f64,
        jitter: f64,
    ) -> Option<f64> {
        let response = Response {
            status,
            retry_after,
            body,
            truncated,
        };
        let step = self.call.on_response(&response, moment(now_ms, jitter));
        self.take(step)
    }

    /// Judges an attempt without an answer, as [`Self::on_response`]. `failure` is the error's class by its place in
    /// [`Failure::ALL`].
    #[wasm_bindgen(js_name = onFailure)]
    pub fn on_failure(&mut self, failure: usize, now_ms: f64, jitter: f64) -> Option<f64> {
        let failure = Failure::ALL
            .get(failure)
            .copied()
            .unwrap_or(Failure::Unexpected);
        let step = self.call.on_failure(failure, moment(now_ms, jitter));
        self.take(step)
    }

    /// The answer, once the call is over and was successful: `{"value","times"}`.
    pub fn value(&mut self) -> Option<String> {
        self.value.take()
    }

    /// The end, once the call is over and has failed: `{"kind","message","exhausted","error"?}`, `kind` being the name of
    /// the error's class.
    pub fn fault(&self) -> Option<String> {
        let fault = self.fault.as_ref()?;
        let mut text = String::from("{\"kind\":");
        push_string(&mut text, fault.kind.class());
        text.push_str(",\"message\":");
        push_string(&mut text, &fault.message);
        text.push_str(if fault.exhausted {
            ",\"exhausted\":true"
        } else {
            ",\"exhausted\":false"
        });
        if let Some(error) = &fault.error {
            text.push_str(",\"error\":");
            text.push_str(error);
        }
        text.push('}');
        Some(text)
    }

    fn take(&mut self, step: Step) -> Option<f64> {
        match step {
            Step::Retry { delay_ms } => return Some(delay_ms as f64),
            Step::Done(answer) => self.value = Some(answer.into_text()),
            Step::Fail(fault) => self.fault = Some(fault),
        }
        None
    }
}

fn moment(now_ms: f64, jitter: f64) -> Moment {
    Moment {
        // The cast saturates; not-a-number is 0.
        now_ms: now_ms as i64,
        jitter,
    }
}

fn bytes(random: [u32; 4]) -> [u8; 16] {
    let [a, b, c, d] = random.map(u128::from);
    (a << 96 | b << 64 | c << 32 | d).to_be_bytes()
}

/// The longest response body that is read, in bytes.
#[wasm_bindgen(js_name = responseBodyBound)]
#[must_use]
pub fn response_body_bound() -> usize {
    client::RESPONSE_BODY_BOUND
}

/// How long one attempt may take by default, in milliseconds.
#[wasm_bindgen(js_name = defaultTimeout)]
#[must_use]
pub fn default_timeout() -> u32 {
    client::DEFAULT_TIMEOUT_MS
}

/// What the `User-Agent` header says by default.
#[wasm_bindgen(js_name = userAgent)]
#[must_use]
pub fn user_agent() -> String {
    String::from(concat!("gwop-sdk/", env!("CARGO_PKG_VERSION")))
}
