//! Checks the simulator's responses against the contract's field tables. The tables below are
//! written from the contract, with exact types and no additional fields. They share nothing with
//! the SDK's models or the simulator's code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod common;

use common::{KEY, World, event, world};
use serde_json::{Value, json};

/// The contract's rule for a value.
enum Is {
    Text,
    Number,
    Boolean,
    Time,
    Uuid,
    /// A UUID or `evt_*`.
    EventId,
    /// A decimal integer in a string.
    Atomic,
    /// Starts with this text and is longer.
    Prefixed(&'static str),
    /// One of these texts.
    One(&'static [&'static str]),
    /// Exactly this number.
    Exactly(u64),
    /// An object with any fields.
    Free,
    OrNull(&'static Self),
    List(&'static Self),
    /// An object with these fields. A name that ends in `?` may be absent. Other fields are
    /// refused.
    Fields(&'static [(&'static str, Self)]),
}

use Is::{
    Atomic, Boolean, EventId, Exactly, Fields, Free, List, Number, One, OrNull, Prefixed, Text,
    Time, Uuid,
};

fn fits(value: &Value, is: &Is, path: &str) {
    let holds = match is {
        Text => value.is_string(),
        Number => value.is_u64(),
        Boolean => value.is_boolean(),
        Free => value.is_object(),
        Exactly(number) => value.as_u64() == Some(*number),
        One(all) => value.as_str().is_some_and(|text| all.contains(&text)),
        Prefixed(prefix) => value
            .as_str()
            .is_some_and(|t| t.len() > prefix.len() && t.starts_with(prefix)),
        Atomic => value
            .as_str()
            .is_some_and(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())),
        Time => value
            .as_str()
            .is_some_and(|t| pattern(t, "0000-00-00T00:00:00.000Z")),
        Uuid => value
            .as_str()
            .is_some_and(|t| pattern(t, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")),
        EventId => value.as_str().is_some_and(|t| {
            t.starts_with("evt_") || pattern(t, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
        }),
        OrNull(is) => {
            if !value.is_null() {
                fits(value, is, path);
            }
            true
        }
        List(is) => {
            let list = value
                .as_array()
                .unwrap_or_else(|| panic!("{path} is no list: {value}"));
            for (index, value) in list.iter().enumerate() {
                fits(value, is, &format!("{path}[{index}]"));
            }
            true
        }
        Fields(fields) => {
            let object = value
                .as_object()
                .unwrap_or_else(|| panic!("{path} is no object: {value}"));
            for name in object.keys() {
                let known = fields
                    .iter()
                    .any(|(field, _)| field.trim_end_matches('?') == name);
                assert!(known, "{path}.{name} is not in the contract");
            }
            for (field, is) in *fields {
                let name = field.trim_end_matches('?');
                match object.get(name) {
                    Some(value) => fits(value, is, &format!("{path}.{name}")),
                    None => assert!(field.ends_with('?'), "{path}.{name} is missing"),
                }
            }
            true
        }
    };
    assert!(holds, "{path} does not fit: {value}");
}

/// Matches a text: `0` stands for a digit, `x` for a lower-case hexadecimal digit, and anything
/// else for itself.
fn pattern(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
                _ => byte == wanted,
            })
}

const STATUS: Is = One(&["OPEN", "PAYING", "PAID", "EXPIRED", "CANCELED"]);
const CHAIN: Is = One(&["solana", "base"]);
const CAIP2: Is = One(&["eip155:8453", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"]);

const AGENT_PROTOCOL: Is = Fields(&[
    ("version", One(&["1.0"])),
    (
        "flow",
        One(&["invoice_checkout", "invoice_gwop_wallet", "invoice_x402"]),
    ),
    (
        "state",
        One(&[
            "invoice_created",
            "invoice_open",
            "invoice_paying",
            "invoice_paid",
            "invoice_unavailable",
            "payment_required",
        ]),
    ),
    ("goal", Text),
    ("steps", List(&Text)),
    (
        "next_action?",
        Fields(&[
            ("method?", One(&["GET", "POST"])),
            ("path?", Text),
            ("body_template?", Free),
            ("expect_status?", List(&Number)),
            (
                "retry?",
                Fields(&[
                    ("strategy?", One(&["none", "fixed_interval"])),
                    ("retry_after_seconds?", Number),
                    ("max_attempts?", Number),
                ]),
            ),
        ]),
    ),
    (
        "completion_check",
        Fields(&[
            ("method", One(&["GET"])),
            ("path", Text),
            ("field", One(&["status"])),
            ("success_value", One(&["PAID"])),
        ]),
    ),
    (
        "receipt_policy?",
        Fields(&[
            ("mode?", One(&["hard_optional"])),
            ("optional_receipt_email?", Boolean),
            ("prompt_when_available?", Boolean),
            ("do_not_block_on_absent?", Boolean),
        ]),
    ),
]);

const INVOICE: Is = Fields(&[
    ("id", Uuid),
    ("public_invoice_id", Prefixed("inv_")),
    ("merchant_id", Uuid),
    ("amount_usdc", Number),
    ("currency", One(&["USDC"])),
    ("status", STATUS),
    ("description?", Text),
    ("metadata?", Free),
    ("metadata_public", Boolean),
    ("created_at", Time),
    ("expires_at", Time),
    ("agent_protocol", AGENT_PROTOCOL),
]);

const INVOICE_LIST: Is = Fields(&[
    (
        "invoices",
        List(&Fields(&[
            ("id", Uuid),
            ("public_invoice_id", Prefixed("inv_")),
            ("status", STATUS),
            ("amount_usdc", Number),
            ("currency", One(&["USDC"])),
            ("description?", Text),
            ("metadata?", Free),
            ("expires_at", Time),
            ("created_at", Time),
            ("paid_at?", Time),
            ("paid_tx_hash?", Text),
            ("payment_chain?", CHAIN),
        ])),
    ),
    (
        "pagination",
        Fields(&[
            ("total", Number),
            ("limit", Number),
            ("offset", Number),
            ("has_more", Boolean),
        ]),
    ),
]);

const INVOICE_PUBLIC: Is = Fields(&[
    ("schema_version", One(&["gwop.invoice.v4"])),
    ("id", Prefixed("inv_")),
    ("status", STATUS),
    (
        "amount",
        Fields(&[
            ("value", Number),
            ("display?", Text),
            ("currency", One(&["USDC"])),
            ("decimals", Exactly(6)),
        ]),
    ),
    (
        "pricing?",
        Fields(&[
            ("base_amount?", Number),
            ("gwop_fee?", Number),
            ("total?", Number),
        ]),
    ),
    ("description?", Text),
    ("metadata?", Free),
    ("expires_at", Time),
    ("created_at", Time),
    ("merchant", Fields(&[("name", Text), ("verified", Boolean)])),
    (
        "status_check",
        Fields(&[
            ("url", Prefixed("https://agents.gwop.io/v1/invoices/inv_")),
            ("method", One(&["GET"])),
            ("field", One(&["status"])),
            ("paid_value", One(&["PAID"])),
            ("hint?", Text),
        ]),
    ),
    ("links", Fields(&[("landing_page", Text), ("docs", Text)])),
    (
        "payment_methods?",
        List(&Fields(&[
            ("id", One(&["x402-base", "x402-solana"])),
            ("kind", One(&["x402"])),
            ("network", CAIP2),
            ("chain", CHAIN),
            (
                "asset",
                Fields(&[
                    ("symbol", One(&["USDC"])),
                    ("decimals", Exactly(6)),
                    ("contract", Text),
                ]),
            ),
            ("pay_to", Text),
            ("amount", Number),
            ("amount_display", Text),
            (
                "payment_url",
                Prefixed("https://agents.gwop.io/v1/invoices/inv_"),
            ),
            (
                "recover_url",
                Prefixed("https://agents.gwop.io/v1/invoices/inv_"),
            ),
        ])),
    ),
    ("paid_at?", Time),
    ("paid_amount?", Number),
    ("payment_chain?", CHAIN),
    ("payment_chain_caip2?", CAIP2),
    ("paid_tx_hash?", Text),
    ("tx_url?", Prefixed("https://")),
]);

const INVOICE_CANCEL: Is = Fields(&[
    ("id", Uuid),
    ("status", One(&["CANCELED"])),
    ("canceled_at", Time),
]);

const AUTH_INTENT: Is = Fields(&[
    ("auth_intent_id", Prefixed("ai_")),
    ("status", One(&["OPEN"])),
    ("expires_at", Time),
    (
        "challenge",
        Fields(&[
            ("amount_usdc_atomic", One(&["1000"])),
            (
                "payment_methods",
                List(&Fields(&[
                    ("id", One(&["x402-base", "x402-solana"])),
                    ("chain", CHAIN),
                    (
                        "payment_url",
                        Prefixed("https://agents.gwop.io/v1/invoices/inv_"),
                    ),
                    ("hint?", Text),
                ])),
            ),
        ]),
    ),
]);

const AUTH_TOKEN: Is = Fields(&[
    ("access_token", Prefixed("eyJ")),
    ("token_type", One(&["Bearer"])),
    ("expires_in", Number),
    (
        "principal",
        Fields(&[("sub", Text), ("chain", CHAIN), ("wallet_address", Text)]),
    ),
    (
        "session",
        Fields(&[
            ("sid", Prefixed("sess_")),
            ("sub", Text),
            ("amr", List(&Text)),
        ]),
    ),
    (
        "account",
        Fields(&[("id", OrNull(&Text)), ("is_new_account", Boolean)]),
    ),
]);

const AUTH_SESSION: Is = Fields(&[
    ("session_id", Prefixed("sess_")),
    ("status", One(&["active", "revoked", "expired"])),
    ("sub", Text),
    ("chain", CHAIN),
    ("wallet_address", Text),
    ("created_at", Time),
    ("expires_at", Time),
    ("revoked_at", OrNull(&Time)),
]);

const REVOKED: Is = Fields(&[("revoked", Boolean)]);

const JWKS: Is = Fields(&[(
    "keys",
    List(&Fields(&[
        ("kty", One(&["RSA"])),
        ("alg", One(&["RS256"])),
        ("use", One(&["sig"])),
        ("kid", Prefixed("gwop-auth-v")),
        ("n", Text),
        ("e", Text),
    ])),
)]);

const ERROR: Is = Fields(&[(
    "error",
    Fields(&[
        ("code", Text),
        ("message", Text),
        ("details?", Free),
        ("requestId?", Prefixed("req_")),
    ]),
)]);

const CLOSED_EVENT: Is = Fields(&[
    ("event_id", EventId),
    ("event_type", One(&["invoice.expired", "invoice.canceled"])),
    ("event_version?", Number),
    ("created_at?", Time),
    (
        "data",
        Fields(&[
            ("invoice_id", Uuid),
            ("public_invoice_id", Prefixed("inv_")),
            ("merchant_id", Uuid),
            ("status", One(&["EXPIRED", "CANCELED"])),
            ("amount_usdc", Atomic),
            ("currency", One(&["USDC"])),
            ("merchant_reference?", Text),
        ]),
    ),
]);

const PAID_EVENT: Is = Fields(&[
    ("event_id", EventId),
    ("event_type", One(&["invoice.paid"])),
    ("event_version?", Number),
    ("created_at?", Time),
    (
        "data",
        Fields(&[
            ("invoice_id", Uuid),
            ("public_invoice_id", Prefixed("inv_")),
            ("merchant_id", Uuid),
            ("status", One(&["PAID"])),
            ("amount_usdc", Atomic),
            ("currency", One(&["USDC"])),
            ("merchant_reference?", Text),
            ("tx_hash?", Prefixed("0x")),
            ("tx_signature?", Text),
            ("payment_chain", CHAIN),
            ("payment_chain_caip2?", CAIP2),
            ("paid_at", Time),
            ("payer_wallet", Text),
        ]),
    ),
]);

fn full_invoice(world: &mut World) -> Value {
    let seen = world.post(
        "/v1/invoices",
        json!({
            "amount_usdc": 1_000_000, "description": "Starter plan", "metadata_public": true,
            "metadata": { "orderId": "123", "merchant_reference": "order-123" },
        }),
    );
    assert_eq!(seen.status, 201);
    seen.body
}

#[test]
fn the_tables_refuse_what_they_should() {
    let refuses = |value: Value, is: &'static Is| {
        let caught = std::panic::catch_unwind(|| fits(&value, is, "value"));
        assert!(caught.is_err(), "accepted {value}");
    };
    refuses(json!({ "revoked": true, "more": 1 }), &REVOKED);
    refuses(json!({}), &REVOKED);
    refuses(json!({ "revoked": "true" }), &REVOKED);
    refuses(
        json!({ "id": "inv_1", "status": "CANCELED", "canceled_at": "now" }),
        &INVOICE_CANCEL,
    );
}

/// Gwop's own examples fit the tables, so the tables and the simulator describe the same wire
/// format.
#[test]
fn the_wire_examples_fit_the_tables() {
    for (example, is) in [
        (
            include_str!("../../tests/wire/auth-intent.json"),
            &AUTH_INTENT,
        ),
        (
            include_str!("../../tests/wire/invoice.public.open.json"),
            &INVOICE_PUBLIC,
        ),
        (include_str!("../../tests/wire/error.json"), &ERROR),
        (
            include_str!("../../tests/wire/webhook.invoice.expired.json"),
            &CLOSED_EVENT,
        ),
        (
            include_str!("../../tests/wire/webhook.invoice.paid.json"),
            &PAID_EVENT,
        ),
    ] {
        fits(&serde_json::from_str(example).unwrap(), is, "example");
    }
}

#[test]
fn invoices() {
    let mut world = world();
    let created = full_invoice(&mut world);
    fits(&created, &INVOICE, "create");
    fits(&world.public(&created), &INVOICE_PUBLIC, "get OPEN");
    fits(&world.get("/v1/invoices").body, &INVOICE_LIST, "list OPEN");

    for chain in ["base", "solana"] {
        let invoice = full_invoice(&mut world);
        world.command(
            json!({ "command": "pay", "target": invoice["id"], "chain": chain, "outcome": "hold" }),
        );
        let paying = world.public(&invoice);
        fits(&paying, &INVOICE_PUBLIC, "get PAYING");
        assert_eq!(paying["status"], "PAYING");
        assert!(
            paying.get("payment_methods").is_none(),
            "payable only when OPEN"
        );
        world.command(json!({ "command": "settle", "target": invoice["id"] }));
        let paid = world.public(&invoice);
        fits(&paid, &INVOICE_PUBLIC, "get PAID");
        for field in [
            "paid_at",
            "paid_amount",
            "payment_chain",
            "payment_chain_caip2",
            "paid_tx_hash",
            "tx_url",
        ] {
            assert!(paid.get(field).is_some(), "PAID without {field}");
        }
        let list = world.get("/v1/invoices?status=PAID").body;
        fits(&list, &INVOICE_LIST, "list PAID");
        for field in ["paid_at", "paid_tx_hash", "payment_chain"] {
            assert!(
                list["invoices"][0].get(field).is_some(),
                "listed PAID without {field}"
            );
        }
    }

    let path = format!("/v1/invoices/{}/cancel", created["id"].as_str().unwrap());
    let canceled = world.as_merchant(KEY, "POST", &path, None, None);
    assert_eq!(canceled.status, 200);
    fits(&canceled.body, &INVOICE_CANCEL, "cancel");
}

#[test]
fn identity() {
    let mut world = world();
    let intent = world.post(
        "/v1/auth-intents",
        json!({ "known_wallet_hint": "base:0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16" }),
    );
    assert_eq!(intent.status, 201);
    fits(&intent.body, &AUTH_INTENT, "auth intent");
    world.pay(&intent.body["auth_intent_id"]);
    let path = format!(
        "/v1/auth-intents/{}/exchange",
        intent.body["auth_intent_id"].as_str().unwrap()
    );
    let token = world.as_merchant(KEY, "POST", &path, None, Some("key-1"));
    assert_eq!(token.status, 200);
    fits(&token.body, &AUTH_TOKEN, "exchange");
    let sid = token.body["session"]["sid"].as_str().unwrap().to_owned();
    fits(
        &world.get(&format!("/v1/auth-sessions/{sid}")).body,
        &AUTH_SESSION,
        "active session",
    );
    fits(
        &world
            .post("/v1/auth-sessions/revoke", json!({ "session_id": sid }))
            .body,
        &REVOKED,
        "revoke",
    );
    fits(
        &world.get(&format!("/v1/auth-sessions/{sid}")).body,
        &AUTH_SESSION,
        "revoked session",
    );
    let jwks = world.send(
        "GET",
        "https://identity.gwop.io/.well-known/jwks.json",
        &[],
        b"",
    );
    fits(&jwks.body, &JWKS, "jwks");
    assert_eq!(jwks.body["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn events() {
    let mut world = world();
    for chain in ["base", "solana"] {
        let invoice = full_invoice(&mut world);
        world.command(json!({ "command": "pay", "target": invoice["id"], "chain": chain }));
    }
    for attempt in world.deliver(200) {
        let event = event(&attempt);
        fits(&event, &PAID_EVENT, "paid");
        let base = event["data"]["payment_chain"] == "base";
        assert_eq!(event["data"].get("tx_hash").is_some(), base);
        assert_eq!(event["data"].get("tx_signature").is_some(), !base);
    }
    let canceled = full_invoice(&mut world);
    full_invoice(&mut world);
    let path = format!("/v1/invoices/{}/cancel", canceled["id"].as_str().unwrap());
    world.as_merchant(KEY, "POST", &path, None, None);
    world.advance(900_000);
    let attempts = world.deliver(200);
    assert_eq!(attempts.len(), 2);
    for (attempt, status) in attempts.iter().zip(["CANCELED", "EXPIRED"]) {
        let event = event(attempt);
        fits(&event, &CLOSED_EVENT, status);
        assert_eq!(event["data"]["status"], status);
    }
}

/// Checks every error code of the contract that the simulator can produce, with the contract's
/// status.
#[test]
fn errors() {
    let mut world = world();
    let invoice = world.invoice();
    world.pay(&invoice["id"]);
    let id = invoice["id"].as_str().unwrap();
    let used = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
    world.pay(&used);
    let exchange = |id: &Value| format!("/v1/auth-intents/{}/exchange", id.as_str().unwrap());
    world.as_merchant(KEY, "POST", &exchange(&used), None, None);
    let expired = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
    world.advance(600_000);
    let open = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
    world.as_merchant(KEY, "POST", "/v1/auth-intents", None, Some("twice"));
    world.command(json!({
        "command": "misbehave", "fault": { "fault": "rate-limit", "operation": "invoices.list", "retryAfter": "7" },
    }));
    world.command(json!({
        "command": "misbehave", "fault": { "fault": "error", "operation": "authSessions.get", "code": "FORBIDDEN" },
    }));
    let seen = [
        (429, "RATE_LIMITED", world.get("/v1/invoices")),
        (
            401,
            "UNAUTHORIZED",
            world.as_merchant("sk_m_nobody", "GET", "/v1/invoices", None, None),
        ),
        (403, "FORBIDDEN", world.get("/v1/auth-sessions/sess_1")),
        (
            400,
            "VALIDATION_ERROR",
            world.post("/v1/invoices", json!({})),
        ),
        (404, "INVOICE_NOT_FOUND", world.get("/v1/invoices/inv_none")),
        (
            400,
            "INVOICE_CANCEL_NOT_ALLOWED",
            world.post(&format!("/v1/invoices/{id}/cancel"), json!({})),
        ),
        (
            402,
            "AUTH_INTENT_NOT_SETTLED",
            world.as_merchant(KEY, "POST", &exchange(&open), None, None),
        ),
        (
            404,
            "AUTH_INTENT_NOT_FOUND",
            world.as_merchant(KEY, "POST", &exchange(&json!("ai_none")), None, None),
        ),
        (
            409,
            "AUTH_INTENT_EXPIRED",
            world.as_merchant(KEY, "POST", &exchange(&expired), None, None),
        ),
        (
            409,
            "AUTH_INTENT_USED",
            world.as_merchant(KEY, "POST", &exchange(&used), None, None),
        ),
        (
            404,
            "SESSION_NOT_FOUND",
            world.get("/v1/auth-sessions/sess_none"),
        ),
        (
            409,
            "IDEMPOTENCY_CONFLICT",
            world.as_merchant(KEY, "POST", "/v1/auth-intents", None, Some("twice")),
        ),
    ];
    for (status, code, seen) in seen {
        assert_eq!((seen.status, seen.code()), (status, code), "{seen:?}");
        fits(&seen.body, &ERROR, code);
        assert_eq!(
            seen.header("x-request-id"),
            seen.body["error"]["requestId"].as_str()
        );
        assert!(seen.header("x-request-id").is_some());
    }
}
