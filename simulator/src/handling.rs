//! Handles a request from its arrival to its response: runs the operation, and applies faults
//! around it.

use crate::error;
use crate::fault::{Fault, Stage};
use crate::http::{HandleResult, Reply, Request};
use crate::operations::payments::{PREFLIGHT_HEADERS, RESPONSE_HEADERS};
use crate::routing::Operation;
use crate::simulator::{Exchange, Pending, RequestLog, Simulator, Success};
use crate::time::Now;
use crate::webhook::{MAX_KEPT_BODY, beginning};
use serde_json::{Value, json};

impl Simulator {
    /// Handles a request to either of Gwop's hosts.
    pub fn handle(&mut self, request: &Request, now: Now) -> HandleResult {
        self.catch_up(now);
        let operation = Operation::find(request);
        if let Ok(Operation::Exchange(_) | Operation::Jwks) = operation
            && let (kid, false) = self.keys.signing()
        {
            return HandleResult::NeedsKey { kid: kid.into() };
        }
        let request_id = self.ids.request();
        // Faults do not affect a preflight: the browser sends it by itself.
        let struck = operation.as_ref().ok();
        let name = struck
            .filter(|operation| **operation != Operation::Preflight)
            .map(Operation::name);
        let faults = name
            .map(|name| self.faults.strike(Stage::Request, name))
            .unwrap_or_default();
        let lost = faults.iter().any(|fault| {
            matches!(
                fault,
                Fault::LoseResponse { .. } | Fault::LoseRequest { .. }
            )
        });
        let result = self.respond(request, operation, &request_id, faults, now);
        self.log_request(RequestLog {
            request_id,
            operation: name.map(String::from),
            method: request.method.clone(),
            url: request.url.clone(),
            authorized: request.header("authorization").is_some(),
            idempotency_key: request.header("idempotency-key").map(String::from),
            status: match &result {
                _ if lost => None,
                HandleResult::Respond(reply) => (!reply.lost).then_some(reply.status),
                _ => Some(200),
            },
            at: now.clock,
            exchange: self.shown(request, &result),
        });
        result
    }

    /// Returns what is shown of a request and its response.
    fn shown(&self, request: &Request, result: &HandleResult) -> Exchange {
        let headers = request.headers.iter();
        let visible = |(name, value): &(String, String)| {
            let value = match name.eq_ignore_ascii_case("authorization") {
                true => "(hidden)".into(),
                false => value.clone(),
            };
            (name.clone(), value)
        };
        let kept = |text: String| beginning(text, MAX_KEPT_BODY);
        let (response_headers, response_body) = match result {
            HandleResult::Respond(reply) if !reply.lost => {
                (reply.headers.clone(), reply.body.clone())
            }
            HandleResult::NeedsSignature { ticket, .. } => {
                let mut body = json!({ "access_token": "(hidden)" });
                let rest = self.pending.get(ticket).map(|pending| pending.body.clone());
                if let (Some(body), Some(Value::Object(rest))) = (body.as_object_mut(), rest) {
                    body.extend(rest);
                }
                (Vec::new(), body.to_string())
            }
            _ => (Vec::new(), String::new()),
        };
        Exchange {
            headers: headers.map(visible).collect(),
            body: kept(String::from_utf8_lossy(&request.body).into_owned()),
            response_headers,
            response_body: kept(response_body),
        }
    }

    /// Completes a response that waited for its signature. `None` if the ticket is unknown.
    pub fn complete(&mut self, ticket: u32, signature: &[u8]) -> Option<Reply> {
        let pending = self.pending.remove(&ticket)?;
        let mut body = json!({ "access_token": pending.token.sign(signature) });
        if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), pending.body) {
            body.extend(rest);
        }
        let mut reply = json_reply(200, &body, &pending.request_id);
        Self::send(&mut reply, &pending.faults);
        reply.warnings = self.take_warnings();
        Some(reply)
    }

    pub(crate) fn respond(
        &mut self,
        request: &Request,
        operation: Result<Operation, error::ApiError>,
        request_id: &str,
        faults: Vec<Fault>,
        now: Now,
    ) -> HandleResult {
        let is_payment = matches!(operation, Ok(Operation::Pay(..)));
        let mut reply = match instead_of_processing(&faults, request_id) {
            Some(reply) => reply,
            None => match operation.and_then(|operation| self.process(request, operation, now)) {
                Ok(Success::Json(status, body, headers)) => {
                    let mut reply = json_reply(status, &body, request_id);
                    reply.headers.extend(headers);
                    reply
                }
                Ok(Success::Preflight) => Reply {
                    status: 204,
                    headers: with_names(&PREFLIGHT_HEADERS)
                        .chain([("x-request-id".into(), request_id.into())])
                        .collect(),
                    ..Reply::default()
                },
                Ok(Success::Lost) => Reply {
                    lost: true,
                    ..Reply::default()
                },
                Ok(Success::Token(token, body)) => {
                    let ticket = self.wait_for_signature(Pending {
                        token: token.clone(),
                        body,
                        request_id: request_id.into(),
                        faults,
                    });
                    return HandleResult::NeedsSignature {
                        ticket,
                        kid: token.kid,
                        signing_input: token.signing_input,
                    };
                }
                Err(error) => json_reply(error.status(), &error.body(request_id), request_id),
            },
        };
        if is_payment {
            reply.headers.extend(with_names(&RESPONSE_HEADERS));
        }
        Self::send(&mut reply, &faults);
        reply.warnings = self.take_warnings();
        HandleResult::Respond(reply)
    }
}

fn with_names<'a>(headers: &'a [(&str, &str)]) -> impl Iterator<Item = (String, String)> + 'a {
    headers
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
}

fn json_reply(status: u16, body: &Value, request_id: &str) -> Reply {
    Reply {
        status,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("x-request-id".into(), request_id.into()),
        ],
        body: body.to_string(),
        ..Reply::default()
    }
}

/// Returns the response of the fault that prevents the request from being processed.
fn instead_of_processing(faults: &[Fault], request_id: &str) -> Option<Reply> {
    faults.iter().find_map(|fault| match fault {
        Fault::LoseRequest { .. } => Some(Reply {
            lost: true,
            ..Reply::default()
        }),
        Fault::Error { status, code, .. } => {
            let by_code = code.as_deref().and_then(error::status_of);
            let code = code.as_deref().unwrap_or("INTERNAL_ERROR");
            let body = error::body(code, "Failed on request of the test", None, request_id);
            let status = status.or(by_code).unwrap_or(503);
            Some(json_reply(status, &body, request_id))
        }
        Fault::RateLimit { retry_after, .. } => {
            let body = error::body("RATE_LIMITED", "Too many requests", None, request_id);
            let mut reply = json_reply(429, &body, request_id);
            let retry_after = retry_after.clone().unwrap_or_else(|| "1".into());
            reply.headers.push(("retry-after".into(), retry_after));
            Some(reply)
        }
        Fault::Replace {
            status,
            headers,
            body,
            ..
        } => {
            let mut all = vec![("x-request-id".into(), request_id.to_owned())];
            all.extend(headers.iter().cloned());
            Some(Reply {
                status: *status,
                headers: all,
                body: body.clone(),
                ..Reply::default()
            })
        }
        _ => None,
    })
}
