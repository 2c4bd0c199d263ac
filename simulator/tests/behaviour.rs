//! Tests what a merchant and an agent rely on: limits, money, idempotency, time, payments,
//! deliveries and faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod common;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{KEY, OTHER_KEY, SECRET, START, World, event, header, world, world_with};
use gwop_simulator::webhook::mac;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn create_refuses_what_breaks_a_limit() {
    let mut world = world();
    let good = json!({ "amount_usdc": 1 });
    assert_eq!(world.post("/v1/invoices", good).status, 201);
    let edge = json!({
        "amount_usdc": 10_000_000_000_u64, "description": "é".repeat(500), "expires_in_seconds": 86_400,
        // 1,024 bytes as JSON: `{"k":"…"}` adds 8 bytes to the text.
        "metadata": { "k": "x".repeat(1_016) },
    });
    assert_eq!(world.post("/v1/invoices", edge).status, 201);
    for (field, value) in [
        ("amount_usdc", json!(0)),
        ("amount_usdc", json!(-1)),
        ("amount_usdc", json!(1.5)),
        ("amount_usdc", json!(1.0)),
        ("amount_usdc", json!("1000000")),
        ("amount_usdc", json!(10_000_000_001_u64)),
        ("amount_usdc", Value::Null),
        ("description", json!("x".repeat(501))),
        ("description", json!(1)),
        ("description", Value::Null),
        ("metadata", json!([])),
        ("metadata", json!({ "k": "x".repeat(1_017) })),
        ("metadata_public", json!("true")),
        ("expires_in_seconds", json!(59)),
        ("expires_in_seconds", json!(86_401)),
        ("expires_in_seconds", json!("900")),
        ("amountUsdc", json!(1)),
    ] {
        let mut body = json!({ "amount_usdc": 1 });
        body[field] = value.clone();
        let seen = world.post("/v1/invoices", body);
        assert_eq!(
            (seen.status, seen.code()),
            (400, "VALIDATION_ERROR"),
            "{field}: {value}"
        );
        assert_eq!(seen.body["error"]["details"]["field"], field);
    }
    let bearer = format!("Bearer {KEY}");
    for (content_type, body) in [
        ("application/json", &b"{"[..]),
        ("application/json", b"[]"),
        ("application/json", b"\xff"),
        ("application/json", b""),
        ("text/plain", b"{\"amount_usdc\":1}"),
    ] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", content_type),
        ];
        let seen = world.send("POST", "https://agents.gwop.io/v1/invoices", &headers, body);
        assert_eq!((seen.status, seen.code()), (400, "VALIDATION_ERROR"));
    }
}

#[test]
fn the_total_carries_the_fee_and_metadata_the_breakdown() {
    let mut world = world();
    let seen = world.post(
        "/v1/invoices",
        json!({ "amount_usdc": 1_000_000, "metadata": { "zeta": null, "alpha": [1] } }),
    );
    assert_eq!(seen.body["amount_usdc"], 1_025_000);
    assert_eq!(
        seen.body["metadata"].to_string(),
        r#"{"zeta":null,"alpha":[1],"gwop_pricing":{"base_amount":1000000,"gwop_fee":25000,"total":1025000}}"#
    );
    let public = world.public(&seen.body);
    assert_eq!(public["amount"]["value"], 1_025_000);
    assert_eq!(public["amount"]["display"], "1.025 USDC");
    assert_eq!(public["pricing"], seen.body["metadata"]["gwop_pricing"]);
    assert!(
        public.get("metadata").is_none(),
        "private unless metadata_public"
    );
}

#[test]
fn keys_open_only_their_own_merchants_invoices() {
    let mut world = world();
    let mine = world.invoice();
    let path = format!("/v1/invoices/{}/cancel", text(&mine["id"]));
    assert_eq!(
        world
            .as_merchant(OTHER_KEY, "GET", "/v1/invoices", None, None)
            .body["pagination"]["total"],
        0
    );
    assert_eq!(
        world
            .as_merchant(OTHER_KEY, "POST", &path, None, None)
            .code(),
        "INVOICE_NOT_FOUND"
    );
    for headers in [
        &[][..],
        &[("authorization", "Bearer sk_m_wrong")],
        &[("authorization", "Basic sk_m_simulator")],
        &[("authorization", "sk_m_simulator")],
    ] {
        for (method, url) in [
            ("GET", "https://agents.gwop.io/v1/invoices"),
            ("POST", "https://agents.gwop.io/v1/invoices"),
            ("POST", "https://identity.gwop.io/v1/auth-intents"),
            ("GET", "https://identity.gwop.io/v1/auth-sessions/sess_1"),
        ] {
            let seen = world.send(method, url, headers, b"");
            assert_eq!((seen.status, seen.code()), (401, "UNAUTHORIZED"));
        }
    }
    assert_eq!(
        world.public(&mine)["status"],
        "OPEN",
        "the public view needs no key"
    );

    let intent = world.post("/v1/auth-intents", json!({})).body;
    world.pay(&intent["auth_intent_id"]);
    let path = format!(
        "/v1/auth-intents/{}/exchange",
        text(&intent["auth_intent_id"])
    );
    assert_eq!(
        world
            .as_merchant(OTHER_KEY, "POST", &path, None, None)
            .code(),
        "AUTH_INTENT_NOT_FOUND"
    );
    let sid = world.as_merchant(KEY, "POST", &path, None, None).body["session"]["sid"].clone();
    let path = format!("/v1/auth-sessions/{}", text(&sid));
    assert_eq!(
        world
            .as_merchant(OTHER_KEY, "GET", &path, None, None)
            .code(),
        "SESSION_NOT_FOUND"
    );
    let revoke = Some(json!({ "session_id": sid }));
    let revoked = world.as_merchant(OTHER_KEY, "POST", "/v1/auth-sessions/revoke", revoke, None);
    assert_eq!(revoked.code(), "SESSION_NOT_FOUND");
}

#[test]
fn hosts_methods_and_paths_are_told_apart() {
    let mut world = world();
    for (method, url, status) in [
        ("GET", "https://agents.gwop.io/.well-known/jwks.json", 404),
        ("GET", "https://identity.gwop.io/v1/invoices", 404),
        ("GET", "https://identity.gwop.io/.well-known/jwks.json", 200),
        ("GET", "http://127.0.0.1:4010/.well-known/jwks.json", 200),
        ("GET", "http://127.0.0.1:4010/v1/invoices", 401),
        ("DELETE", "https://agents.gwop.io/v1/invoices", 405),
        ("GET", "https://agents.gwop.io/v1/invoices/", 404),
        ("GET", "https://agents.gwop.io/v2/invoices", 404),
        ("GET", "https://agents.gwop.io/v1/invoices/%ff", 400),
    ] {
        let seen = world.send(method, url, &[], b"");
        assert_eq!(seen.status, status, "{method} {url}");
        assert!(seen.header("x-request-id").is_some());
    }
}

#[test]
fn a_key_gives_the_first_successful_response_again() {
    let mut world = world();
    let body = || Some(json!({ "amount_usdc": 5 }));
    let create =
        |world: &mut World, body| world.as_merchant(KEY, "POST", "/v1/invoices", body, Some("key"));
    let refused = create(&mut world, Some(json!({ "amount_usdc": 0 })));
    assert_eq!(refused.status, 400);
    let first = create(&mut world, body());
    assert_eq!(first.status, 201, "a failure is not stored under the key");
    let again = create(&mut world, body());
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    let other = create(&mut world, Some(json!({ "amount_usdc": 6 })));
    assert_eq!(
        (other.status, &other.body),
        (201, &first.body),
        "the key decides, not the body"
    );
    let refused = create(&mut world, Some(json!({ "amount_usdc": 0 })));
    assert_eq!(refused.status, 400, "the body is checked all the same");
    let stranger = world.as_merchant(OTHER_KEY, "POST", "/v1/invoices", body(), Some("key"));
    assert_ne!(
        stranger.body["id"], first.body["id"],
        "keys belong to one merchant"
    );
    assert_eq!(world.get("/v1/invoices").body["pagination"]["total"], 1);
}

#[test]
fn an_exchange_is_not_frozen_by_402_and_repeats_under_its_key() {
    let mut world = world();
    let intent = world.as_merchant(KEY, "POST", "/v1/auth-intents", None, Some("fresh"));
    assert_eq!(intent.status, 201, "the body is optional");
    let again = world.as_merchant(KEY, "POST", "/v1/auth-intents", None, Some("fresh"));
    assert_eq!((again.status, again.code()), (409, "IDEMPOTENCY_CONFLICT"));
    let path = format!(
        "/v1/auth-intents/{}/exchange",
        text(&intent.body["auth_intent_id"])
    );
    let exchange = |world: &mut World, key| world.as_merchant(KEY, "POST", &path, None, key);
    assert_eq!(exchange(&mut world, Some("x")).status, 402);
    world.pay(&intent.body["auth_intent_id"]);
    world.misbehave(json!({ "fault": "lose-answer", "operation": "authIntents.exchange" }));
    assert!(exchange(&mut world, Some("x")).reply.lost);
    let first = exchange(&mut world, Some("x"));
    assert_eq!(first.status, 200, "the key recovers a lost answer");
    assert_eq!(
        exchange(&mut world, Some("x")).body,
        first.body,
        "the same token again"
    );
    assert_eq!(exchange(&mut world, Some("y")).code(), "AUTH_INTENT_USED");
    assert_eq!(exchange(&mut world, None).code(), "AUTH_INTENT_USED");

    let other = world.post("/v1/auth-intents", json!({})).body;
    let path = format!(
        "/v1/auth-intents/{}/exchange",
        text(&other["auth_intent_id"])
    );
    let conflict = world.as_merchant(KEY, "POST", &path, None, Some("x"));
    assert_eq!(conflict.code(), "IDEMPOTENCY_CONFLICT");
}

#[test]
fn tokens_say_who_and_until_when() {
    let mut world = world_with(json!({ "audience": "https://shop.example" }));
    let wallet = "0x00000000000000000000000000000000000000AA";
    let login = |world: &mut World| {
        let intent = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
        world.command(json!({ "command": "pay", "target": intent, "wallet": wallet }));
        let path = format!("/v1/auth-intents/{}/exchange", text(&intent));
        world.as_merchant(KEY, "POST", &path, None, None).body
    };
    let token = login(&mut world);
    let part = |token: &Value, index| -> Value {
        let part = text(&token["access_token"]).split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let claims = part(&token, 1);
    assert_eq!(
        part(&token, 0),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "gwop-auth-v1" })
    );
    assert_eq!(claims["iss"], "https://identity.gwop.io");
    assert_eq!(claims["aud"], "https://shop.example");
    assert_eq!(claims["sub"], format!("base:{wallet}"));
    assert_eq!(claims["mid"], "9e9c9ba5-3bab-4172-8a79-336f9ca0f163");
    assert_eq!(claims["sid"], token["session"]["sid"]);
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        3_600
    );
    assert_eq!(claims["iat"], START / 1_000);
    assert_eq!(token["account"]["is_new_account"], true);
    let second = login(&mut world);
    assert_eq!(
        second["account"],
        json!({ "id": token["account"]["id"], "is_new_account": false })
    );

    world.command(json!({ "command": "rotateKeys" }));
    let kids = |world: &mut World| {
        let jwks = world
            .send("GET", "http://localhost/.well-known/jwks.json", &[], b"")
            .body;
        let keys = jwks["keys"].as_array().unwrap().clone();
        keys.iter()
            .map(|key| text(&key["kid"]).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(part(&login(&mut world), 0)["kid"], "gwop-auth-v2");
    assert_eq!(kids(&mut world), ["gwop-auth-v2", "gwop-auth-v1"]);
    world.command(json!({ "command": "dropOldKeys" }));
    assert_eq!(kids(&mut world), ["gwop-auth-v2"]);
}

#[test]
fn sessions_end_by_revocation_and_by_time() {
    let mut world = world_with(json!({ "sessionTtlSeconds": 60 }));
    let session = |world: &mut World| {
        let intent = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
        world.pay(&intent);
        let path = format!("/v1/auth-intents/{}/exchange", text(&intent));
        let token = world.as_merchant(KEY, "POST", &path, None, None);
        text(&token.body["session"]["sid"]).to_owned()
    };
    let (revoked, expired) = (session(&mut world), session(&mut world));
    for _ in 0..2 {
        let response = world.post("/v1/auth-sessions/revoke", json!({ "session_id": revoked }));
        assert_eq!(
            (response.status, &response.body["revoked"]),
            (200, &json!(true))
        );
    }
    world.advance(60_000);
    for (session, status) in [(revoked, "revoked"), (expired, "expired")] {
        let seen = world.get(&format!("/v1/auth-sessions/{session}"));
        assert_eq!(seen.body["status"], status);
        assert_eq!(seen.body["revoked_at"].is_null(), status == "expired");
    }
}

#[test]
fn wallet_hints_come_with_and_without_their_chain() {
    let mut world = world();
    for (hint, status) in [
        (json!("0x742d..."), 201),
        (
            json!("base:0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16"),
            201,
        ),
        (json!("solana:7sSi"), 201),
        (json!("dogecoin:D7Y55"), 400),
        (json!("base:"), 400),
        (json!(""), 400),
        (json!(7), 400),
    ] {
        let seen = world.post("/v1/auth-intents", json!({ "known_wallet_hint": hint }));
        assert_eq!(seen.status, status, "{hint}");
    }
}

#[test]
fn lists_page_newest_first() {
    let mut world = world();
    let ids: Vec<Value> = (0..5).map(|_| world.invoice()["id"].clone()).collect();
    world.pay(&ids[1]);
    let page = world.get("/v1/invoices?limit=2&offset=1").body;
    assert_eq!(page["invoices"][0]["id"], ids[3]);
    assert_eq!(
        page["pagination"],
        json!({ "total": 5, "limit": 2, "offset": 1, "has_more": true })
    );
    let last = world.get("/v1/invoices?limit=2&offset=3").body;
    assert_eq!(last["pagination"]["has_more"], false);
    let beyond = world.get("/v1/invoices?offset=99").body;
    assert_eq!(
        beyond["pagination"],
        json!({ "total": 5, "limit": 20, "offset": 99, "has_more": false })
    );
    let paid = world.get("/v1/invoices?status=PAID").body;
    assert_eq!(paid["pagination"]["total"], 1);
    assert_eq!(paid["invoices"][0]["id"], ids[1]);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=",
        "limit=+1",
        "offset=-1",
        "status=paid",
        "page=1",
        "limit=1&limit=2",
    ] {
        assert_eq!(
            world.get(&format!("/v1/invoices?{query}")).code(),
            "VALIDATION_ERROR",
            "{query}"
        );
    }
}

#[test]
fn the_list_has_the_order_that_is_asked_for_and_tells_of_payments_or_not() {
    for (order, payments) in [
        ("newest-first", true),
        ("oldest-first", false),
        ("random", false),
    ] {
        let mut world = world_with(json!({ "listOrder": order, "listPayments": payments }));
        let mut made = vec![];
        for _ in 0..12 {
            let invoice = world.invoice();
            world.pay(&invoice["id"]);
            world.advance(1_000);
            made.push(invoice["id"].clone());
        }
        let mut listed = vec![];
        for offset in [0, 5, 10] {
            let path = format!("/v1/invoices?status=PAID&limit=5&offset={offset}");
            let page = world.get(&path).body;
            for item in page["invoices"].as_array().unwrap() {
                assert_eq!(item["paid_tx_hash"].is_string(), payments, "{order}");
                assert_eq!(item["paid_at"].is_string(), payments, "{order}");
                listed.push(item["id"].clone());
            }
        }
        let newest_first: Vec<Value> = made.iter().rev().cloned().collect();
        assert_eq!(listed == newest_first, order == "newest-first");
        assert_eq!(listed == made, order == "oldest-first");
        let sorted = |mut ids: Vec<Value>| {
            ids.sort_by_key(Value::to_string);
            ids
        };
        assert_eq!(sorted(listed), sorted(made), "each once");
    }
}

#[test]
fn cancel_is_idempotent_and_only_for_open_invoices() {
    let mut world = world_with(json!({ "cancelNotAllowedStatus": 409 }));
    let cancel = |world: &mut World, invoice: &Value| {
        let path = format!("/v1/invoices/{}/cancel", text(&invoice["id"]));
        world.as_merchant(KEY, "POST", &path, None, None)
    };
    let invoice = world.invoice();
    let first = cancel(&mut world, &invoice);
    world.advance(10_000);
    assert_eq!(cancel(&mut world, &invoice).body, first.body);
    assert_eq!(
        world.deliver(200).len(),
        1,
        "one event, however often it is canceled"
    );
    let paying = world.invoice();
    world.command(json!({ "command": "pay", "target": paying["id"], "outcome": "hold" }));
    let expired = world.invoice();
    world.advance(900_000);
    for invoice in [&paying, &expired] {
        let seen = cancel(&mut world, invoice);
        assert_eq!(
            (seen.status, seen.code()),
            (409, "INVOICE_CANCEL_NOT_ALLOWED")
        );
    }
    let by_public_id = format!(
        "/v1/invoices/{}/cancel",
        text(&invoice["public_invoice_id"])
    );
    assert_eq!(
        world
            .as_merchant(KEY, "POST", &by_public_id, None, None)
            .code(),
        "INVOICE_NOT_FOUND"
    );
}

#[test]
fn open_invoices_expire_and_paying_ones_wait() {
    let mut world = world();
    let (open, paying) = (world.invoice(), world.invoice());
    world.command(
        json!({ "command": "pay", "target": paying["public_invoice_id"], "outcome": "hold" }),
    );
    world.advance(899_999);
    assert_eq!(world.public(&open)["status"], "OPEN");
    assert_eq!(
        world.command(json!({ "command": "tick" }))["nextDue"],
        START + 900_000
    );
    world.advance(1);
    assert_eq!(world.public(&open)["status"], "EXPIRED");
    assert_eq!(world.public(&paying)["status"], "PAYING");
    let events = world.deliver(200);
    assert_eq!(events.len(), 1);
    let expired = event(&events[0]);
    assert_eq!(expired["event_type"], "invoice.expired");
    assert_eq!(expired["event_version"], 2);
    assert_eq!(expired["created_at"], open["expires_at"]);
    world.command(json!({ "command": "failPayment", "target": paying["id"] }));
    assert_eq!(
        world.public(&paying)["status"],
        "EXPIRED",
        "back to OPEN, and that is over"
    );
    assert_eq!(event(&world.deliver(200)[0])["event_version"], 4);
}

#[test]
fn a_failed_payment_rolls_back_to_open() {
    let mut world = world();
    let invoice = world.invoice();
    let failed =
        world.command(json!({ "command": "pay", "target": invoice["id"], "outcome": "fail" }));
    assert_eq!(failed["status"], "OPEN");
    world.misbehave(json!({ "fault": "payment-fail" }));
    assert_eq!(world.pay(&invoice["id"])["status"], "OPEN");
    assert_eq!(world.pay(&invoice["id"])["status"], "PAID");
    let version = event(&world.deliver(200)[0])["event_version"].clone();
    assert_eq!(version, 7, "OPEN, PAYING, OPEN, PAYING, OPEN, PAYING, PAID");
    let again = world.try_command(json!({ "command": "pay", "target": invoice["id"] }));
    assert_eq!(again, Err("NOT_ALLOWED".into()));
    assert_eq!(
        world.try_command(json!({ "command": "pay", "target": "inv_none" })),
        Err("NOT_FOUND".into())
    );
}

#[test]
fn dust_payments_settle_auth_intents_in_time() {
    let mut world = world();
    let intent = world.post("/v1/auth-intents", json!({})).body;
    let url = intent["challenge"]["payment_methods"][1]["payment_url"].clone();
    let asked = world.send("GET", text(&url), &[], b"").body;
    assert_eq!(asked["accepts"][0]["maxAmountRequired"], "1000");
    assert_eq!(world.pay_by_x402(&url, json!({})).status, 200);
    world.advance(3_600_000);
    let path = format!(
        "/v1/auth-intents/{}/exchange",
        text(&intent["auth_intent_id"])
    );
    assert_eq!(
        world.as_merchant(KEY, "POST", &path, None, None).body["principal"]["chain"],
        "solana"
    );
    let late = world.post("/v1/auth-intents", json!({})).body;
    world.advance(600_000);
    let late = world.try_command(json!({ "command": "pay", "target": late["auth_intent_id"] }));
    assert_eq!(late, Err("NOT_ALLOWED".into()));
}

/// Returns whether the signature of an attempt is valid under the secret, and its age in seconds.
fn signed(world: &World, attempt: &Value, secret: &str) -> (bool, u64) {
    let signature = header(attempt, "x-gwop-signature");
    let t: u64 = signature[2..signature.find(',').unwrap()].parse().unwrap();
    let expected = format!(",v1={}", mac(secret, t, text(&attempt["body"])));
    (signature.contains(&expected), world.now.wall / 1_000 - t)
}

#[test]
fn webhooks_are_signed_and_retried_until_accepted() {
    let mut world = world();
    let invoice = world.invoice();
    world.pay(&invoice["id"]);
    let first = world.deliver(500).remove(0);
    assert_eq!(first["url"], "http://127.0.0.1:3000/webhooks/gwop");
    assert_eq!(signed(&world, &first, SECRET), (true, 0));
    assert_eq!(header(&first, "x-gwop-event-id"), event(&first)["event_id"]);
    assert_eq!(header(&first, "x-gwop-event-type"), "invoice.paid");
    assert!(world.deliver(200).is_empty(), "not before its time");
    world.advance(1_000);
    let second = world.deliver(302).remove(0);
    assert_eq!(second["body"], first["body"], "the same event");
    world.advance(5_000);
    let third = world.deliver(204).remove(0);
    assert_eq!(signed(&world, &third, SECRET), (true, 0));
    world.advance(10_000_000);
    assert!(world.deliver(200).is_empty());
    let log = world.command(json!({ "command": "deliveries" }));
    assert_eq!(log[0]["status"], "delivered");
    let codes: Vec<_> = log[0]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["statusCode"].clone())
        .collect();
    assert_eq!(codes, [500, 302, 204]);
    world.command(json!({ "command": "redeliver", "eventId": log[0]["eventId"] }));
    assert_eq!(world.deliver(200)[0]["body"], first["body"]);
}

#[test]
fn deliveries_are_given_up_after_the_last_retry() {
    let mut world = world_with(json!({ "webhookRetryDelaysMs": [10] }));
    let invoice = world.invoice();
    world.pay(&invoice["id"]);
    for _ in 0..2 {
        assert_eq!(world.deliver(500).len(), 1);
        world.advance(10);
    }
    assert!(world.deliver(200).is_empty());
    assert_eq!(
        world.command(json!({ "command": "deliveries" }))[0]["status"],
        "failed"
    );
}

#[test]
fn both_secrets_sign_during_a_rotation() {
    let mut world = world();
    world.command(json!({ "command": "rotateWebhookSecret", "secret": "whsec_new" }));
    let invoice = world.invoice();
    world.pay(&invoice["id"]);
    let attempt = world.deliver(500).remove(0);
    assert_eq!(
        header(&attempt, "x-gwop-signature").matches("v1=").count(),
        2
    );
    assert!(signed(&world, &attempt, SECRET).0 && signed(&world, &attempt, "whsec_new").0);
    world.command(json!({ "command": "dropOldWebhookSecrets" }));
    world.advance(1_000);
    let attempt = world.deliver(200).remove(0);
    assert!(!signed(&world, &attempt, SECRET).0 && signed(&world, &attempt, "whsec_new").0);
}

#[test]
fn webhook_faults_do_what_their_names_say() {
    let mut world = world();
    let mut paid_with = |fault: Value| {
        world.command(json!({ "command": "behave" }));
        let invoice = world.invoice();
        world.misbehave(fault);
        world.pay(&invoice["id"]);
        let attempts = world.deliver(200);
        let signed: Vec<_> = attempts.iter().map(|a| signed(&world, a, SECRET)).collect();
        (attempts, signed)
    };
    let (attempts, _) = paid_with(json!({ "fault": "webhook-duplicate", "copies": 2 }));
    assert_eq!(attempts.len(), 3);
    assert!(
        attempts
            .iter()
            .all(|attempt| attempt["body"] == attempts[0]["body"])
    );
    let (attempts, signatures) = paid_with(json!({ "fault": "webhook-tamper" }));
    assert_eq!(signatures, [(false, 0)]);
    assert_eq!(event(&attempts[0])["data"]["amount_usdc"], "91025000");
    let (_, signatures) = paid_with(json!({ "fault": "webhook-stale", "seconds": 400 }));
    assert_eq!(signatures, [(true, 400)]);
    let (_, signatures) = paid_with(json!({ "fault": "webhook-wrong-secret" }));
    assert_eq!(signatures, [(false, 0)]);
    let (attempts, signatures) = paid_with(json!({ "fault": "webhook-malformed-json" }));
    assert_eq!(signatures, [(true, 0)]);
    assert!(serde_json::from_str::<Value>(text(&attempts[0]["body"])).is_err());
    let (attempts, signatures) = paid_with(json!({ "fault": "webhook-header-mismatch" }));
    assert_eq!(signatures, [(true, 0)]);
    assert_ne!(
        header(&attempts[0], "x-gwop-event-id"),
        event(&attempts[0])["event_id"]
    );
    let (attempts, _) = paid_with(json!({ "fault": "webhook-lose-answer" }));
    assert_eq!(attempts[0]["loseAnswer"], true);
    let (attempts, _) = paid_with(json!({ "fault": "webhook-lose" }));
    assert!(attempts.is_empty());
    world.advance(1_000);
    assert_eq!(world.deliver(200).len(), 1, "what got lost is sent again");

    world.misbehave(json!({ "fault": "webhook-delay", "delayMs": 5_000 }));
    let invoice = world.invoice();
    world.pay(&invoice["id"]);
    assert!(world.deliver(200).is_empty());
    world.advance(5_000);
    assert_eq!(world.deliver(200).len(), 1);

    world.misbehave(json!({ "fault": "webhook-reorder", "events": 3 }));
    let ids: Vec<Value> = (0..3)
        .map(|_| {
            assert!(world.deliver(200).is_empty(), "held until there are three");
            let invoice = world.invoice();
            world.pay(&invoice["id"]);
            invoice["id"].clone()
        })
        .collect();
    let order: Vec<Value> = world
        .deliver(200)
        .iter()
        .map(|a| event(a)["data"]["invoice_id"].clone())
        .collect();
    assert_eq!(order, [ids[2].clone(), ids[1].clone(), ids[0].clone()]);
}

#[test]
fn request_faults_do_what_their_names_say() {
    let mut world = world();
    let create = |world: &mut World| world.post("/v1/invoices", json!({ "amount_usdc": 1 }));
    let total = |world: &mut World| world.get("/v1/invoices").body["pagination"]["total"].clone();

    world.misbehave(json!({ "fault": "lose-request", "operation": "invoices.create" }));
    assert!(create(&mut world).reply.lost);
    assert_eq!(total(&mut world), 0, "nothing was processed");
    world.misbehave(json!({ "fault": "lose-answer", "operation": "invoices.create" }));
    assert!(create(&mut world).reply.lost);
    assert_eq!(total(&mut world), 1, "processed, and the answer lost");
    world.misbehave(json!({ "fault": "malformed-json", "operation": "invoices.create" }));
    let cut = create(&mut world);
    assert_eq!((cut.status, cut.body), (201, Value::Null));

    world.command(
        json!({ "command": "misbehave", "times": 2, "fault": { "fault": "error", "status": 502 } }),
    );
    world
        .misbehave(json!({ "fault": "rate-limit", "retryAfter": "Wed, 21 Oct 2026 07:28:00 GMT" }));
    assert_eq!(create(&mut world).status, 502);
    assert_eq!(create(&mut world).status, 502);
    let limited = create(&mut world);
    assert_eq!((limited.status, limited.code()), (429, "RATE_LIMITED"));
    assert_eq!(
        limited.header("retry-after"),
        Some("Wed, 21 Oct 2026 07:28:00 GMT")
    );
    assert_eq!(create(&mut world).status, 201);

    world.misbehave(json!({ "fault": "delay", "delayMs": 70 }));
    world.misbehave(json!({ "fault": "slow-body", "chunkBytes": 3, "intervalMs": 5 }));
    let slow = create(&mut world).reply;
    assert_eq!(
        (slow.delay_ms, slow.slow_body.unwrap().chunk_bytes),
        (70, 3)
    );

    world.command(json!({
        "command": "misbehave", "times": "always",
        "fault": { "fault": "replace", "operation": "auth.getJwks", "status": 302, "headers": [["location", "https://evil.example/"]] },
    }));
    for _ in 0..3 {
        let outage = world.send("GET", "http://localhost/.well-known/jwks.json", &[], b"");
        assert_eq!(
            (outage.status, outage.header("location")),
            (302, Some("https://evil.example/"))
        );
    }
    assert_eq!(create(&mut world).status, 201, "only that operation");
    world.command(json!({ "command": "behave" }));
    assert_eq!(
        world
            .send("GET", "http://localhost/.well-known/jwks.json", &[], b"")
            .status,
        200
    );

    for fault in [
        json!({ "fault": "nonsense" }),
        json!({ "fault": "delay" }),
        json!({ "fault": "error", "status": 200 }),
        json!({ "fault": "error", "operation": "invoices.pay" }),
        json!({ "fault": "webhook-reorder", "events": 1 }),
        json!({ "fault": "webhook-tamper", "operation": "invoices.create" }),
    ] {
        let refused = world.try_command(json!({ "command": "misbehave", "fault": fault }));
        assert!(refused.is_err(), "{fault}");
    }
}

#[test]
fn the_state_holds_no_key_or_secret() {
    let mut world = world();
    world.invoice();
    world.command(json!({ "command": "rotateWebhookSecret" }));
    for command in ["state", "requests", "deliveries"] {
        let state = world.command(json!({ "command": command })).to_string();
        assert!(!state.contains(KEY) && !state.contains(SECRET), "{command}");
    }
    let debugged = format!("{:?}", world.simulator);
    assert!(!debugged.contains(KEY) && !debugged.contains(SECRET));
}

#[test]
fn the_same_seed_gives_the_same_responses() {
    let run = |seed: u64| {
        let mut world = world_with(json!({ "seed": seed }));
        let invoice = world.invoice();
        world.pay(&invoice["id"]);
        (world.public(&invoice), world.deliver(200))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn wrong_options_are_refused_by_name() {
    use gwop_simulator::input::read_value;
    use gwop_simulator::{Config, Simulator};
    let id = "11111111-1111-4111-8111-111111111111";
    let merchant = json!({ "id": id, "apiKey": "sk_m_1", "webhookSecret": "x" });
    let with = |field: &str, value: Value| {
        let mut merchant = merchant.clone();
        merchant[field] = value;
        json!({ "merchants": [merchant] })
    };
    for (field, options) in [
        ("merchants", json!({ "merchants": [] })),
        ("merchants", json!({ "merchants": {} })),
        ("merchants[0]", json!({ "merchants": ["x"] })),
        ("merchants[0].id", json!({ "merchants": [{}] })),
        (
            "merchants[0].webhookSecret",
            json!({ "merchants": [{ "id": id, "apiKey": "sk_m_1" }] }),
        ),
        ("merchants[0].id", with("id", json!("x"))),
        ("merchants[0].id", with("id", json!(format!("{id}0")))),
        ("merchants[0].apiKey", with("apiKey", json!("nope"))),
        ("merchants[0].apiKey", with("apiKey", json!("sk_m_"))),
        ("merchants[0].apiKey", with("apiKey", json!("sk_m_a b"))),
        (
            "merchants[0].webhookSecret",
            with("webhookSecret", json!("")),
        ),
        ("merchants[0].webhookUrl", with("webhookUrl", json!("x"))),
        ("merchants[0].verified", with("verified", json!("yes"))),
        ("merchants[0].nmae", with("nmae", json!("x"))),
        (
            "merchants[1].id",
            json!({ "merchants": [merchant, merchant] }),
        ),
        (
            "merchants[1].name",
            json!({ "merchants": [merchant, { "id": id, "name": 5, "apiKey": 5 }] }),
        ),
        ("agentsUrl", json!({ "agentsUrl": "127.0.0.1:4010" })),
        (
            "agentsUrl",
            json!({ "agentsUrl": "http://127.0.0.1:4010/" }),
        ),
        ("agentsUrl", json!({ "agentsUrl": "http://" })),
        (
            "cancelNotAllowedStatus",
            json!({ "cancelNotAllowedStatus": 500 }),
        ),
        (
            "cancelNotAllowedStatus",
            json!({ "cancelNotAllowedStatus": 70_000 }),
        ),
        ("sessionTtlSeconds", json!({ "sessionTtlSeconds": 0 })),
        ("listOrder", json!({ "listOrder": "shuffled" })),
        ("settlementDelayMs", json!({ "settlementDelayMs": 1.5 })),
        ("seed", json!({ "seed": -1 })),
        (
            "webhookRetryDelaysMs[1]",
            json!({ "webhookRetryDelaysMs": [1, "2", "3"] }),
        ),
        ("sesionTtlSeconds", json!({ "sesionTtlSeconds": 1 })),
    ] {
        let refusal = read_value::<Config>(&options).and_then(Simulator::new);
        let refusal = refusal.unwrap_err();
        assert_eq!(
            (refusal.code, refusal.field.as_deref()),
            ("INVALID_OPTION", Some(field)),
            "{options}: {refusal:?}"
        );
    }
    assert!(read_value::<Config>(&json!(5)).is_err());
}

/// For mistyped values, the error names the field and what was expected, and never repeats the
/// text.
#[test]
fn wrong_commands_are_refused_by_name() {
    let mut world = world();
    let fault = |fields: Value| {
        let mut fault = json!({ "fault": fields["fault"] });
        fault
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        json!({ "command": "misbehave", "fault": fault })
    };
    let whole = "expected a whole number from 0";
    for (field, message, command) in [
        (
            "target",
            "required, but not given",
            json!({ "command": "pay" }),
        ),
        (
            "target",
            "expected a string, got 7",
            json!({ "command": "pay", "target": 7 }),
        ),
        (
            "chain",
            "expected `base` or `solana`",
            json!({ "command": "pay", "target": "x", "chain": "eth" }),
        ),
        (
            "wallet",
            "expected a string, got an array",
            json!({ "command": "pay", "target": "x", "wallet": [7] }),
        ),
        (
            "tip",
            "no such field; known are `target`, `chain`, `wallet`, `outcome`",
            json!({ "command": "pay", "target": "x", "tip": 1 }),
        ),
        (
            "fault.fault",
            "expected one of `lose-answer`",
            fault(json!({ "fault": "lose-anwser" })),
        ),
        (
            "fault.retryAfter",
            "expected a string, got 7",
            fault(json!({ "fault": "rate-limit", "retryAfter": 7 })),
        ),
        (
            "retryAfter",
            "expected what a header can hold",
            fault(json!({ "fault": "rate-limit", "retryAfter": "1\r\n" })),
        ),
        (
            "fault.status",
            "expected a whole number from 0 to 65535, got a string",
            fault(json!({ "fault": "error", "status": "503" })),
        ),
        (
            "fault.status",
            "required, but not given",
            fault(json!({ "fault": "replace", "headers": [] })),
        ),
        (
            "fault.headers[1][0]",
            "expected a string, got 5",
            fault(json!({ "fault": "replace", "status": 200, "headers": [["a", "b"], [5, "c"]] })),
        ),
        (
            "fault.headers[0]",
            "expected an array of two, got an array",
            fault(json!({ "fault": "replace", "status": 200, "headers": [["a"]] })),
        ),
        (
            "headers[0][0]",
            "expected the name of a header",
            fault(json!({ "fault": "replace", "status": 200, "headers": [["a b", "c"]] })),
        ),
        (
            "headers[0][1]",
            "expected what a header can hold",
            fault(json!({ "fault": "replace", "status": 200, "headers": [["a", "✓"]] })),
        ),
        (
            "fault.delayMs",
            whole,
            fault(json!({ "fault": "delay", "delayMs": "5000" })),
        ),
        (
            "delayMs",
            "expected at most 2147483647 milliseconds",
            fault(json!({ "fault": "delay", "delayMs": 3_000_000_000_u64 })),
        ),
        (
            "intervalMs",
            "expected at most",
            fault(
                json!({ "fault": "slow-body", "chunkBytes": 1, "intervalMs": 3_000_000_000_u64 }),
            ),
        ),
        (
            "times",
            "expected a whole number from 1, or",
            json!({ "command": "misbehave", "fault": { "fault": "delay", "delayMs": 1 }, "times": 0 }),
        ),
        (
            "id",
            "expected a whole number from 0",
            json!({ "command": "behave", "id": "x" }),
        ),
        (
            "url",
            "expected an http:// or https:// URL",
            json!({ "command": "setWebhookUrl", "url": "127.0.0.1" }),
        ),
        (
            "expiresInSeconds",
            "expected a whole number, got a string",
            json!({ "command": "mintToken", "expiresInSeconds": "60" }),
        ),
        (
            "claims",
            "expected an object, got an array",
            json!({ "command": "mintToken", "claims": [] }),
        ),
        (
            "merchant.id",
            "required, but not given",
            json!({ "command": "addMerchant", "merchant": {} }),
        ),
        (
            "id",
            "expected a UUID",
            json!({ "command": "addMerchant", "merchant": { "id": "x", "apiKey": "sk_m_x", "webhookSecret": "x" } }),
        ),
        (
            "secret",
            "expected a string, got 5",
            json!({ "command": "rotateWebhookSecret", "secret": 5 }),
        ),
    ] {
        let text = command.to_string();
        let refusal = world.refused(command).unwrap_err();
        assert_eq!(refusal.code, "INVALID_OPTION", "{text}");
        assert_eq!(refusal.field.as_deref(), Some(field), "{text}: {refusal:?}");
        assert!(refusal.message.starts_with(message), "{text}: {refusal:?}");
    }
    // Both contain the same mistake, and the error names the first one. Long arrays are handled
    // quickly.
    let seconds = vec![json!("x"); 100_000];
    let refusal =
        world.refused(json!({ "command": "mintToken", "claims": seconds, "header": seconds }));
    assert_eq!(refusal.unwrap_err().field.as_deref(), Some("claims"));
}

#[test]
fn a_payment_under_way_is_not_expired() {
    let mut world = world();
    let intent = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
    world.command(json!({ "command": "pay", "target": intent, "outcome": "hold" }));
    world.advance(600_000);
    let path = format!("/v1/auth-intents/{}/exchange", text(&intent));
    let exchange = |world: &mut World| world.as_merchant(KEY, "POST", &path, None, None);
    assert_eq!(exchange(&mut world).code(), "AUTH_INTENT_NOT_SETTLED");
    world.command(json!({ "command": "settle", "target": intent }));
    assert_eq!(exchange(&mut world).status, 200);
}

#[test]
fn a_delivery_has_one_outcome_per_attempt() {
    let mut world = world();
    let invoice = world.invoice();
    world.pay(&invoice["id"]);
    world.deliver(200);
    world.command(json!({ "command": "report", "delivery": 1, "statusCode": 500 }));
    assert_eq!(
        world.command(json!({ "command": "deliveries" }))[0]["status"],
        "delivered"
    );
}

#[test]
fn what_was_due_happens_in_its_order() {
    let mut world = world();
    let ids: Vec<Value> = [600, 60, 300]
        .into_iter()
        .map(|seconds| {
            let body = json!({ "amount_usdc": 1, "expires_in_seconds": seconds });
            world.post("/v1/invoices", body).body["public_invoice_id"].clone()
        })
        .collect();
    world.advance(3_600_000);
    let log = world.command(json!({ "command": "deliveries" }));
    let order: Vec<_> = (0..3)
        .map(|index| log[index]["publicInvoiceId"].clone())
        .collect();
    assert_eq!(order, [ids[1].clone(), ids[2].clone(), ids[0].clone()]);
}

#[test]
fn minted_tokens_can_lack_and_replace_claims() {
    let mut world = world();
    let minted = world.command(json!({
        "command": "mintToken", "claims": { "exp": null, "mid": "other" }, "header": { "alg": "none" },
    }));
    let parts: Vec<Value> = text(&minted["signingInput"])
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0]["alg"], "none");
    assert_eq!(parts[1]["mid"], "other");
    assert!(parts[1].get("exp").is_none());
}

/// If a development tool crashed on a client's mistake, it would hide that mistake.
#[test]
fn whatever_arrives_gets_a_response() {
    let mut world = world();
    let invoice = world.invoice();
    let id = text(&invoice["public_invoice_id"]);
    let bearer = format!("Bearer {KEY}");
    let deep = "[".repeat(100_000);
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"null",
        b"{}",
        b"[]",
        b"\"",
        b"\xff\xfe",
        b"{\"amount_usdc\":1e400}",
        deep.as_bytes(),
        b"{\"amount_usdc\":18446744073709551616}",
        b"{\"session_id\":\"\"}",
    ];
    let x402 = format!("/v1/invoices/{id}/x402");
    for path in [
        "",
        "/",
        "//",
        "/v1",
        "/v1/invoices",
        "/v1/invoices/%00",
        "/v1/invoices//cancel",
        "/v1/auth-intents",
        "/v1/auth-intents//exchange",
        "/v1/auth-sessions/revoke",
        "/v1/auth-sessions/é",
        &x402,
        "/v1/invoices?limit=99999999999999999999",
        "/v1/invoices?offset=18446744073709551615",
        "/?%",
        "/v1/invoices?&&=",
        "/.well-known/jwks.json?x=1",
    ] {
        for url in [
            format!("https://{path}"),
            format!("http://127.0.0.1:1{path}"),
            path.to_owned(),
        ] {
            for method in ["GET", "POST", "PUT", "", "get"] {
                for body in &bodies {
                    for payment in [
                        "",
                        "e30=",
                        "bnVsbA==",
                        "eyJ4NDAyVmVyc2lvbiI6MX0=",
                        "eyJ4NDAyVmVyc2lvbiI6Mn0=",
                    ] {
                        let headers = [
                            (
                                "payment-signature",
                                if payment.ends_with("Mn0=") {
                                    payment
                                } else {
                                    ""
                                },
                            ),
                            ("authorization", bearer.as_str()),
                            ("content-type", "application/json"),
                            ("x-payment", payment),
                        ];
                        let seen = world.send(method, &url, &headers, body);
                        assert!(
                            (200..500).contains(&seen.status),
                            "{method} {url}: {seen:?}"
                        );
                    }
                }
            }
        }
    }
}
