//! A driver for native tests: a client for each host, an agent, and a merchant's endpoint.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    missing_docs
)]

use gwop_simulator::http::{HandleResult, Reply};
use gwop_simulator::input::read_value;
use gwop_simulator::{Command, CommandError, Config, Now, Request, Simulator};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "sk_m_simulator";
pub(crate) const OTHER_KEY: &str = "sk_m_other";
pub(crate) const SECRET: &str = "whsec_simulator";
pub(crate) const START: u64 = 1_774_403_503_402;

pub(crate) struct World {
    pub simulator: Simulator,
    pub now: Now,
}

/// A response as a client sees it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub status: u16,
    pub reply: Reply,
    pub body: Value,
}

impl Seen {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.reply.headers.iter();
        headers.find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

pub(crate) fn world() -> World {
    world_with(json!({}))
}

/// Creates a world with two merchants, each with an endpoint, and additional options.
pub(crate) fn world_with(options: Value) -> World {
    let mut all = json!({
        "merchants": [
            {
                "id": "9e9c9ba5-3bab-4172-8a79-336f9ca0f163", "name": "agentrouter",
                "apiKey": KEY, "webhookSecret": SECRET, "webhookUrl": "http://127.0.0.1:3000/webhooks/gwop",
            },
            {
                "id": "11111111-1111-4111-8111-111111111111", "apiKey": OTHER_KEY,
                "webhookSecret": "whsec_other", "webhookUrl": "http://127.0.0.1:3001/",
            },
        ],
    });
    all.as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    let config: Config = serde_json::from_value(all).unwrap();
    World {
        simulator: Simulator::new(config).unwrap(),
        now: Now::at(START),
    }
}

impl World {
    pub(crate) fn advance(&mut self, ms: u64) {
        self.now.clock += ms;
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Seen {
        let request = Request {
            method: method.into(),
            url: url.into(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            body: body.into(),
        };
        let reply = loop {
            match self.simulator.handle(&request, self.now) {
                HandleResult::Respond(reply) => break reply,
                HandleResult::NeedsKey { kid } => {
                    self.command(
                        json!({ "command": "addKey", "kid": kid, "n": "AQAB", "e": "AQAB" }),
                    );
                }
                HandleResult::NeedsSignature {
                    ticket,
                    signing_input,
                    ..
                } => {
                    let signature = signing_input.as_bytes()[..8].to_vec();
                    break self.simulator.complete(ticket, &signature).unwrap();
                }
            }
        };
        Seen {
            status: reply.status,
            body: serde_json::from_str(&reply.body).unwrap_or(Value::Null),
            reply,
        }
    }

    pub(crate) fn as_merchant(
        &mut self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        idempotency: Option<&str>,
    ) -> Seen {
        let host = if path.starts_with("/v1/invoices") {
            "agents"
        } else {
            "identity"
        };
        let bearer = format!("Bearer {key}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        if let Some(key) = idempotency {
            headers.push(("Idempotency-Key", key));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(
            method,
            &format!("https://{host}.gwop.io{path}"),
            &headers,
            body.as_bytes(),
        )
    }

    pub(crate) fn post(&mut self, path: &str, body: Value) -> Seen {
        self.as_merchant(KEY, "POST", path, Some(body), None)
    }

    pub(crate) fn get(&mut self, path: &str) -> Seen {
        self.as_merchant(KEY, "GET", path, None, None)
    }

    pub(crate) fn invoice(&mut self) -> Value {
        let seen = self.post("/v1/invoices", json!({ "amount_usdc": 1_000_000 }));
        assert_eq!(seen.status, 201, "{seen:?}");
        seen.body
    }

    pub(crate) fn public(&mut self, invoice: &Value) -> Value {
        let path = format!(
            "/v1/invoices/{}",
            invoice["public_invoice_id"].as_str().unwrap()
        );
        self.send("GET", &format!("https://agents.gwop.io{path}"), &[], b"")
            .body
    }

    pub(crate) fn try_command(&mut self, command: Value) -> Result<Value, String> {
        self.refused(command).map_err(|error| error.code.into())
    }

    /// Runs a command and returns its result, with the complete error.
    pub(crate) fn refused(&mut self, command: Value) -> Result<Value, CommandError> {
        let command: Command = read_value(&command)?;
        self.simulator.command(command, self.now)
    }

    pub(crate) fn command(&mut self, command: Value) -> Value {
        let text = command.to_string();
        self.try_command(command)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    pub(crate) fn pay(&mut self, target: &Value) -> Value {
        self.command(json!({ "command": "pay", "target": target }))
    }

    /// Returns the headers of a payment signed by a test wallet.
    pub(crate) fn signed(&mut self, target: &Value, options: Value) -> Vec<(String, String)> {
        let mut command = json!({ "command": "signPayment", "target": target });
        command
            .as_object_mut()
            .unwrap()
            .extend(options.as_object().unwrap().clone());
        let signed = self.command(command);
        let headers = signed["headers"].as_object().unwrap().iter();
        headers
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect()
    }

    /// Sends a payment to a payment URL.
    pub(crate) fn send_payment(&mut self, url: &Value, headers: &[(String, String)]) -> Seen {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.send("POST", url.as_str().unwrap(), &headers, b"")
    }

    /// Pays at a payment URL as an agent does, from a test wallet.
    pub(crate) fn pay_by_x402(&mut self, url: &Value, options: Value) -> Seen {
        let headers = self.signed(url, options);
        self.send_payment(url, &headers)
    }

    /// Takes the attempts that are due. The merchant responds to all of them with `status`.
    pub(crate) fn deliver(&mut self, status: u16) -> Vec<Value> {
        let attempts = self.command(json!({ "command": "takeDue" }));
        let attempts = attempts.as_array().unwrap().clone();
        for attempt in &attempts {
            self.command(json!({ "command": "report", "delivery": attempt["delivery"], "statusCode": status }));
        }
        attempts
    }

    pub(crate) fn misbehave(&mut self, fault: Value) {
        self.command(json!({ "command": "misbehave", "fault": fault }));
    }
}

/// Returns a header of an attempt.
pub(crate) fn header<'a>(attempt: &'a Value, name: &str) -> &'a str {
    let headers = attempt["headers"].as_array().unwrap();
    let header = headers.iter().find(|header| header[0] == name);
    header.unwrap()[1].as_str().unwrap()
}

/// Returns the event of an attempt.
pub(crate) fn event(attempt: &Value) -> Value {
    serde_json::from_str(attempt["body"].as_str().unwrap()).unwrap()
}
