//! Tests that x402 payments are judged as a facilitator judges them: both versions, both chains,
//! replay, outcomes, modes and faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{KEY, Seen, World, world, world_with};
use ed25519_dalek::Signer;
use gwop_simulator::payment::base::{Address, Authorization, hex, to_hex};
use gwop_simulator::payment::{Chain, payer};
use serde_json::{Value, json};

/// Hardhat's published key #0.
const BASE_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const CHAINS: [&str; 2] = ["base", "solana"];
const RESPONSES: [(&str, &str); 2] = [
    ("X-PAYMENT", "x-payment-response"),
    ("PAYMENT-SIGNATURE", "payment-response"),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn decoded(header: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(header).unwrap()).unwrap()
}

fn encoded(payment: &Value) -> String {
    STANDARD.encode(payment.to_string())
}

/// Returns the decoded response header of a payment.
fn response(seen: &Seen) -> Value {
    let header = RESPONSES.iter().find_map(|(_, name)| seen.header(name));
    decoded(header.unwrap_or_else(|| panic!("no response header: {seen:?}")))
}

/// Creates an invoice. Returns its body and its payment URLs.
fn payable(world: &mut World) -> (Value, [Value; 2]) {
    let invoice = world.invoice();
    let methods = world.public(&invoice)["payment_methods"].clone();
    let urls = [0, 1].map(|index| methods[index]["payment_url"].clone());
    (invoice, urls)
}

/// Returns a signed payment, decoded.
fn signed(world: &mut World, url: &Value, version: u8) -> Value {
    let headers = world.signed(url, json!({ "x402Version": version }));
    decoded(&headers[0].1)
}

fn send(world: &mut World, url: &Value, payment: &Value) -> Seen {
    let (name, _) = RESPONSES[usize::from(payment["x402Version"] == 2)];
    world.send_payment(url, &[(name.into(), encoded(payment))])
}

/// Returns why a payment was refused.
fn refused(seen: &Seen) -> String {
    assert_eq!(seen.status, 402, "{seen:?}");
    let challenge = decoded(seen.header("payment-required").unwrap());
    assert_eq!(challenge["error"], seen.body["error"]);
    assert!(text(&seen.body["message"]).contains("x402: \"unchecked\""));
    text(&seen.body["error"]).to_owned()
}

/// Signs the current content of a payment on Base again.
fn sign_again(payment: &mut Value) {
    let key = k256::ecdsa::SigningKey::from_slice(&hex(BASE_KEY).unwrap()).unwrap();
    let authorization = Authorization::read(&payment["payload"]["authorization"]).unwrap();
    let (signature, id) = key.sign_prehash_recoverable(&authorization.digest());
    let v = if id.is_y_odd() { "1c" } else { "1b" };
    payment["payload"]["signature"] = format!("0x{}{v}", to_hex(&signature.to_bytes())).into();
}

/// Changes the message of a payment on Solana and signs it again.
fn change_message(payment: &mut Value, change: impl FnOnce(&mut Vec<u8>)) {
    let transaction = STANDARD
        .decode(text(&payment["payload"]["transaction"]))
        .unwrap();
    let mut message = transaction[129..].to_vec();
    change(&mut message);
    let signature = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).sign(&message);
    let whole = [&[2], &[0; 64][..], &signature.to_bytes(), &message].concat();
    payment["payload"]["transaction"] = STANDARD.encode(whole).into();
}

#[test]
fn a_402_carries_both_versions() {
    let mut world = world();
    let (invoice, urls) = payable(&mut world);
    let id = text(&invoice["public_invoice_id"]).to_owned();
    world.advance(100_000);
    for (chain, url) in Chain::ALL.into_iter().zip(urls) {
        for method in ["GET", "POST"] {
            for url in [
                text(&url).to_owned(),
                format!(
                    "https://agents.gwop.io/v1/invoices/{id}/x402/{}",
                    chain.as_str()
                ),
            ] {
                let asked = world.send(method, &url, &[], b"");
                assert_eq!(asked.status, 402, "{url}");
                let v2 = decoded(asked.header("payment-required").unwrap());
                let extra = match chain {
                    Chain::Base => json!({ "name": "USD Coin", "version": "2" }),
                    Chain::Solana => {
                        let extra = &v2["accepts"][0]["extra"];
                        json!({
                            "feePayer": "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu", "memo": id,
                            "recentBlockhash": extra["recentBlockhash"],
                            "lastValidBlockHeight": ((world.now.clock / 400) + 150).to_string(),
                        })
                    }
                };
                let resource = json!({
                    "url": format!("https://agents.gwop.io/v1/invoices/{id}/x402?chain={}", chain.as_str()),
                    "description": "Gwop invoice", "mimeType": "application/json",
                });
                assert_eq!(
                    v2,
                    json!({
                        "x402Version": 2, "error": "Payment required", "resource": resource,
                        "accepts": [{
                            "scheme": "exact", "network": chain.caip2(), "amount": "1025000", "asset": chain.usdc(),
                            "payTo": chain.pay_to(), "maxTimeoutSeconds": 800, "extra": extra,
                        }],
                    })
                );
                let mut extra = extra;
                extra.as_object_mut().unwrap().remove("memo");
                assert_eq!(
                    asked.body,
                    json!({
                        "x402Version": 1, "error": "Payment required",
                        "accepts": [{
                            "scheme": "exact", "network": chain.as_str(), "maxAmountRequired": "1025000",
                            "resource": resource["url"], "description": "Gwop invoice", "mimeType": "application/json",
                            "payTo": chain.pay_to(), "maxTimeoutSeconds": 800, "asset": chain.usdc(), "extra": extra,
                        }],
                    })
                );
            }
        }
    }
    let nowhere = format!("https://agents.gwop.io/v1/invoices/{id}/x402/ethereum");
    assert_eq!(world.send("GET", &nowhere, &[], b"").code(), "NOT_FOUND");
    let twice = format!("https://agents.gwop.io/v1/invoices/{id}/x402/base?chain=solana");
    assert_eq!(
        world.send("GET", &twice, &[], b"").code(),
        "VALIDATION_ERROR"
    );
    let head = world.send("PUT", text(&json!(nowhere)), &[], b"");
    assert_eq!(head.code(), "METHOD_NOT_ALLOWED");
}

#[test]
fn agents_pay_in_both_versions_on_both_chains() {
    for version in [1, 2] {
        for (index, chain) in CHAINS.into_iter().enumerate() {
            for method in ["GET", "POST"] {
                let mut world = world();
                let (invoice, urls) = payable(&mut world);
                let payment = signed(&mut world, &urls[index], version);
                let (name, response_header) = RESPONSES[usize::from(version == 2)];
                let header = encoded(&payment);
                let url = match method {
                    "GET" => text(&urls[index]).to_owned(),
                    _ => text(&urls[index]).replace("?chain=", "/"),
                };
                let paid = world.send(method, &url, &[(name, &header)], b"");
                assert_eq!((paid.status, &paid.body["status"]), (200, &json!("PAID")));
                let public = world.public(&invoice);
                let network = if version == 1 {
                    chain
                } else {
                    Chain::ALL[index].caip2()
                };
                assert_eq!(
                    decoded(paid.header(response_header).unwrap()),
                    json!({
                        "success": true, "transaction": public["paid_tx_hash"], "network": network,
                        "payer": payer::wallet(Chain::ALL[index], 0),
                    })
                );
                let other = RESPONSES[usize::from(version == 1)].1;
                assert_eq!(paid.header(other), None);
                assert_eq!(
                    world.command(json!({ "command": "deliveries" }))[0]["eventType"],
                    "invoice.paid"
                );
                let again = send(&mut world, &urls[index], &payment);
                assert_eq!((again.status, again.code()), (409, "NOT_PAYABLE"));
            }
        }
    }
}

#[test]
fn the_event_and_the_log_in_name_who_signed() {
    let mut world = world();
    for (index, chain) in Chain::ALL.into_iter().enumerate() {
        let mut subjects = Vec::new();
        for payer in [0, 1, 1] {
            let (_, urls) = payable(&mut world);
            world.pay_by_x402(&urls[index], json!({ "payer": payer }));
            let event = common::event(&world.deliver(200)[0]);
            assert_eq!(event["data"]["payer_wallet"], payer::wallet(chain, payer));
            let intent = world.post("/v1/auth-intents", json!({})).body;
            let url = &intent["challenge"]["payment_methods"][index]["payment_url"];
            assert_eq!(
                world.pay_by_x402(url, json!({ "payer": payer })).status,
                200
            );
            let path = format!(
                "/v1/auth-intents/{}/exchange",
                text(&intent["auth_intent_id"])
            );
            let token = world.as_merchant(KEY, "POST", &path, None, None).body;
            let subject = format!("{}:{}", chain.as_str(), payer::wallet(chain, payer));
            assert_eq!(token["principal"]["sub"], subject);
            subjects.push((
                token["account"]["id"].clone(),
                token["account"]["is_new_account"].clone(),
            ));
        }
        // Two keys give two subjects. One key gives one subject.
        assert_ne!(subjects[0].0, subjects[1].0);
        assert_eq!(subjects[1].0, subjects[2].0);
        assert_eq!(subjects[2].1, false);
    }
    // The payer that a payload claims is ignored.
    let (_, urls) = payable(&mut world);
    let mut payment = signed(&mut world, &urls[1], 2);
    payment["payload"]["payer"] = payer::wallet(Chain::Solana, 7).into();
    assert_eq!(
        response(&send(&mut world, &urls[1], &payment))["payer"],
        payer::wallet(Chain::Solana, 0)
    );
}

#[test]
fn one_wallet_is_one_person_however_it_is_spelt() {
    let mut world = world();
    let wallet = payer::wallet(Chain::Base, 0);
    let mut accounts = Vec::new();
    for spelt in [
        wallet.clone(),
        wallet.to_lowercase(),
        wallet.to_uppercase().replace("0X", "0x"),
    ] {
        let intent = world.post("/v1/auth-intents", json!({})).body["auth_intent_id"].clone();
        let paid = world.command(json!({ "command": "pay", "target": intent, "wallet": spelt }));
        assert_eq!(paid["wallet"], wallet);
        let path = format!("/v1/auth-intents/{}/exchange", text(&intent));
        let token = world.as_merchant(KEY, "POST", &path, None, None).body;
        assert_eq!(token["principal"]["wallet_address"], wallet);
        accounts.push(token["account"]["id"].clone());
    }
    assert_eq!(accounts[0], accounts[1]);
    assert_eq!(accounts[0], accounts[2]);
    let refusal =
        world.try_command(json!({ "command": "pay", "target": accounts[0], "wallet": "0x1" }));
    assert!(refusal.is_err());
}

#[test]
fn version_2_accepts_an_offer_that_was_made() {
    let mut world = world();
    let (_, urls) = payable(&mut world);
    let (_, others) = payable(&mut world);
    let payment = signed(&mut world, &urls[0], 2);
    type Case = (&'static str, fn(&mut Value));
    let cases: [Case; 8] = [
        ("another amount", |accepted| accepted["amount"] = json!("1")),
        ("another spelling of payTo", |accepted| {
            accepted["payTo"] = json!("0x90C0f3F1B7d6F8a7E5c4B3a29181706F5E4D953c");
        }),
        ("another network", |accepted| {
            accepted["network"] = json!("eip155:84532")
        }),
        ("another scheme", |accepted| {
            accepted["scheme"] = json!("upto")
        }),
        ("one member more", |accepted| accepted["more"] = json!(1)),
        ("one member less", |accepted| {
            _ = accepted.as_object_mut().unwrap().remove("extra")
        }),
        ("no object", |accepted| *accepted = json!("exact")),
        ("nothing", |accepted| *accepted = Value::Null),
    ];
    for (what, change) in cases {
        let mut wrong = payment.clone();
        change(&mut wrong["accepted"]);
        assert_eq!(
            refused(&send(&mut world, &urls[0], &wrong)),
            "No matching payment requirements",
            "{what}"
        );
    }
    // On Solana an offer names its invoice. Nothing was offered for this one.
    let elsewhere = signed(&mut world, &urls[1], 2);
    assert_eq!(
        refused(&send(&mut world, &others[1], &elsewhere)),
        "No matching payment requirements"
    );
    assert_eq!(
        refused(&send(&mut world, &urls[1], &payment)),
        "No matching payment requirements"
    );
    // The time counts down, and the order of members does not matter.
    let mut honest = payment.clone();
    honest["accepted"]["maxTimeoutSeconds"] = json!(1);
    let extra = honest["accepted"]
        .as_object_mut()
        .unwrap()
        .remove("scheme")
        .unwrap();
    honest["accepted"]["scheme"] = extra;
    assert_eq!(send(&mut world, &urls[0], &honest).status, 200);
}

#[test]
fn an_offer_is_kept_among_the_32_newest() {
    let mut world = world();
    let (_, urls) = payable(&mut world);
    let first = signed(&mut world, &urls[1], 2);
    for _ in 0..31 {
        world.advance(400);
        world.send("GET", text(&urls[1]), &[], b"");
    }
    let still = send(&mut world, &urls[1], &{
        let mut wrong = first.clone();
        wrong["payload"] = json!({});
        wrong
    });
    // The offer is known, but the transaction cannot be read.
    assert_eq!(
        refused(&still),
        "invalid_exact_svm_payload_transaction_could_not_be_decoded"
    );
    world.advance(400);
    world.send("GET", text(&urls[1]), &[], b"");
    assert_eq!(
        refused(&send(&mut world, &urls[1], &first)),
        "No matching payment requirements"
    );
}

#[test]
fn wrong_payments_on_base_are_refused_by_name() {
    let mut world = world();
    let (_, urls) = payable(&mut world);
    let now = world.now.wall / 1_000;
    type Change = Box<dyn Fn(&mut Value)>;
    fn set(field: &'static str, value: &str) -> Change {
        let value = value.to_owned();
        Box::new(move |payload| payload["authorization"][field] = json!(value))
    }
    let signature =
        |value: Value| -> Change { Box::new(move |payload| payload["signature"] = value.clone()) };
    let wrapped = format!("0x{:0>64}{}{}", "11", "00".repeat(64), "6492".repeat(16));
    const SIGNATURE: &str = "invalid_exact_evm_signature";
    // Signed again after the change.
    for (expected, change) in [
        (
            ("invalid_exact_evm_recipient_mismatch", ""),
            set("to", "0x00000000000000000000000000000000000000aa"),
        ),
        (
            (
                "invalid_exact_evm_authorization_value",
                "invalid_exact_evm_payload_authorization_value_mismatch",
            ),
            set("value", "1025001"),
        ),
        (
            (
                "invalid_exact_evm_authorization_value",
                "invalid_exact_evm_payload_authorization_value_mismatch",
            ),
            set(
                "value",
                "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            ),
        ),
        (
            ("invalid_exact_evm_payload_authorization_valid_before", ""),
            set("validBefore", &(now + 5).to_string()),
        ),
        (
            ("invalid_exact_evm_payload_authorization_valid_before", ""),
            set("validBefore", "0"),
        ),
        (
            ("invalid_exact_evm_payload_authorization_valid_after", ""),
            set("validAfter", &(now + 1).to_string()),
        ),
    ] {
        for version in [1, 2] {
            let mut payment = signed(&mut world, &urls[0], version);
            change(&mut payment["payload"]);
            sign_again(&mut payment);
            let expected = if version == 1 || expected.1.is_empty() {
                expected.0
            } else {
                expected.1
            };
            assert_eq!(refused(&send(&mut world, &urls[0], &payment)), expected);
        }
    }
    // Not signed again after the change.
    for (expected, change) in [
        (SIGNATURE, set("value", "1025001")),
        (
            SIGNATURE,
            set("to", "0x00000000000000000000000000000000000000aa"),
        ),
        (
            SIGNATURE,
            set("from", "0x0000000000000000000000000000000000000000"),
        ),
        (
            SIGNATURE,
            set("from", "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        ),
        (SIGNATURE, set("from", &payer::wallet(Chain::Base, 1))),
        (SIGNATURE, set("nonce", "0x01")),
        (SIGNATURE, set("nonce", "hello")),
        (SIGNATURE, set("nonce", "")),
        (SIGNATURE, set("validAfter", "0x0")),
        (SIGNATURE, set("value", "")),
        (SIGNATURE, signature(json!("0x"))),
        (SIGNATURE, signature(json!("0x00"))),
        (SIGNATURE, signature(json!("0xzz"))),
        (
            SIGNATURE,
            signature(json!(format!("0x{}", "00".repeat(65)))),
        ),
        (
            SIGNATURE,
            signature(json!(format!("0x{}", "ff".repeat(65)))),
        ),
        (
            SIGNATURE,
            signature(json!(format!("0x{}", "11".repeat(100)))),
        ),
        (
            SIGNATURE,
            signature(json!({ "v": 27, "r": "0x", "s": "0x" })),
        ),
        ("eip6492_factory_not_allowed", signature(json!(wrapped))),
        (
            SIGNATURE,
            signature(json!(format!("0x{}", "6492".repeat(16)))),
        ),
        ("invalid_payload", Box::new(|payload| *payload = json!({}))),
        ("invalid_payload", Box::new(|payload| *payload = json!("x"))),
        (
            "invalid_payload",
            Box::new(|payload| payload["authorization"] = json!([])),
        ),
    ] {
        for version in [1, 2] {
            let mut payment = signed(&mut world, &urls[0], version);
            change(&mut payment["payload"]);
            let text = payment.to_string();
            assert_eq!(
                refused(&send(&mut world, &urls[0], &payment)),
                expected,
                "{text}"
            );
        }
    }
    // Permit2 came with version 2, so version 1 ignores it.
    let mut permit2 = signed(&mut world, &urls[0], 2);
    permit2["payload"]["permit2Authorization"] = json!({});
    assert_eq!(
        refused(&send(&mut world, &urls[0], &permit2)),
        "unsupported_payload_type"
    );
    let (_, other_urls) = payable(&mut world);
    let mut permit2 = signed(&mut world, &other_urls[0], 1);
    permit2["payload"]["permit2Authorization"] = json!({});
    assert_eq!(send(&mut world, &other_urls[0], &permit2).status, 200);
    // The high `s` of a signature, and the `v` that a chain uses internally.
    let honest = signed(&mut world, &urls[0], 2);
    let bytes = hex(text(&honest["payload"]["signature"])).unwrap();
    let s = k256::ecdsa::Signature::from_slice(&bytes[..64]).unwrap();
    let (r, s) = s.split_scalars();
    let high = k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    for (rs, v) in [
        (high.to_bytes().to_vec(), 55 - bytes[64]),
        (bytes[..64].to_vec(), bytes[64] - 27),
        (bytes[..64].to_vec(), 55 - bytes[64]),
    ] {
        let mut payment = honest.clone();
        payment["payload"]["signature"] = format!("0x{}{v:02x}", to_hex(&rs)).into();
        assert_eq!(refused(&send(&mut world, &urls[0], &payment)), SIGNATURE);
    }
    // After all of this, the valid payment is still accepted. 6 seconds are enough.
    let mut last = honest;
    last["payload"]["authorization"]["validBefore"] = (now + 6).to_string().into();
    sign_again(&mut last);
    assert_eq!(send(&mut world, &urls[0], &last).status, 200);
}

#[test]
fn headers_of_the_other_version_are_refused() {
    let mut world = world();
    let (_, urls) = payable(&mut world);
    for (name, version) in [("X-PAYMENT", 2), ("PAYMENT-SIGNATURE", 1)] {
        let payment = signed(&mut world, &urls[0], version);
        let seen = world.send_payment(&urls[0], &[(name.into(), encoded(&payment))]);
        assert_eq!(refused(&seen), "invalid_x402_version");
        let seen = world.send_payment(&urls[0], &[(name.into(), "%".into())]);
        assert_eq!(refused(&seen), "invalid_payload");
    }
    let mut payment = signed(&mut world, &urls[0], 1);
    payment["network"] = json!("base-sepolia");
    assert_eq!(
        refused(&send(&mut world, &urls[0], &payment)),
        "invalid_exact_evm_network_mismatch"
    );
    payment["scheme"] = json!("upto");
    assert_eq!(
        refused(&send(&mut world, &urls[0], &payment)),
        "invalid_exact_evm_scheme"
    );
    let mut payment = signed(&mut world, &urls[1], 1);
    payment["network"] = json!("solana-devnet");
    assert_eq!(
        refused(&send(&mut world, &urls[1], &payment)),
        "network_mismatch"
    );
}

#[test]
fn wrong_payments_on_solana_are_refused_by_name() {
    let mut world = world();
    let (_, urls) = payable(&mut world);
    let honest = signed(&mut world, &urls[1], 2);
    let whole = STANDARD
        .decode(text(&honest["payload"]["transaction"]))
        .unwrap();
    // Offsets in the message: the accounts start at 5, followed by the block hash and the
    // instructions.
    const ACCOUNTS: usize = 5;
    const BLOCKHASH: usize = ACCOUNTS + 8 * 32;
    const INSTRUCTIONS: usize = BLOCKHASH + 33;
    const PRICE: usize = INSTRUCTIONS + 8;
    const TRANSFER: usize = PRICE + 12;
    type Case = (&'static str, fn(&mut Vec<u8>));
    let cases: [Case; 17] = [
        ("fee_payer_mismatch", |m| m[ACCOUNTS] ^= 1),
        (
            "payload_transaction_instructions_compute_limit_instruction",
            |m| m[INSTRUCTIONS + 3] = 9,
        ),
        (
            "payload_transaction_instructions_compute_price_instruction",
            |m| m[PRICE + 3] = 9,
        ),
        (
            "payload_transaction_instructions_compute_price_instruction_too_high",
            |m| {
                m[PRICE + 4..PRICE + 12].copy_from_slice(&5_000_001_u64.to_le_bytes());
            },
        ),
        ("payload_no_transfer_instruction", |m| m[TRANSFER] = 5),
        ("payload_no_transfer_instruction", |m| m[TRANSFER + 7] = 3),
        ("payload_transaction_fee_payer_transferring_funds", |m| {
            m[TRANSFER + 5] = 0
        }),
        (
            "payload_transaction_fee_payer_included_in_instruction_accounts",
            |m| m[TRANSFER + 2] = 0,
        ),
        ("payload_mint_mismatch", |m| m[ACCOUNTS + 4 * 32] ^= 1),
        ("payload_recipient_mismatch", |m| m[ACCOUNTS + 3 * 32] ^= 1),
        ("payload_amount_mismatch", |m| m[TRANSFER + 8] ^= 1),
        ("transaction_simulation_failed", |m| m[TRANSFER + 16] = 9),
        ("transaction_simulation_failed", |m| {
            m[ACCOUNTS + 2 * 32] ^= 1
        }),
        ("payload_memo_mismatch", |m| m[TRANSFER + 20] ^= 1),
        ("payload_unknown_fourth_instruction", |m| {
            m[TRANSFER + 17] = 5
        }),
        ("payload_transaction_could_not_be_decoded", |m| {
            m[TRANSFER + 17] = 99
        }),
        ("payload_transaction_could_not_be_decoded", |m| m.push(0)),
    ];
    for (expected, change) in cases {
        let mut payment = honest.clone();
        change_message(&mut payment, change);
        assert_eq!(
            refused(&send(&mut world, &urls[1], &payment)),
            format!("invalid_exact_svm_{expected}")
        );
    }
    for (expected, bytes) in [
        ("transaction_could_not_be_decoded", vec![]),
        ("transaction_could_not_be_decoded", b"hello".to_vec()),
        ("transaction_could_not_be_decoded", vec![0]),
        (
            "signature_invalid",
            [&whole[..65], &[0; 64], &whole[129..]].concat(),
        ),
        ("signature_invalid", {
            let mut changed = whole.clone();
            changed[129 + TRANSFER + 8] ^= 1;
            changed
        }),
    ] {
        let mut payment = honest.clone();
        payment["payload"]["transaction"] = STANDARD.encode(bytes).into();
        assert_eq!(
            refused(&send(&mut world, &urls[1], &payment)),
            format!("invalid_exact_svm_payload_{expected}")
        );
    }
    // Without a memo, version 2 refuses the payment, because the offer names one. Version 1 accepts
    // it.
    let without_memo = |message: &mut Vec<u8>| {
        let memo = TRANSFER + 17;
        let end = message.len() - 1;
        message.drain(memo..end);
        message[INSTRUCTIONS - 1] = 3;
    };
    let mut payment = honest.clone();
    change_message(&mut payment, without_memo);
    assert_eq!(
        refused(&send(&mut world, &urls[1], &payment)),
        "invalid_exact_svm_payload_memo_count"
    );
    let mut payment = signed(&mut world, &urls[1], 1);
    change_message(&mut payment, without_memo);
    assert_eq!(send(&mut world, &urls[1], &payment).status, 200);
}

#[test]
fn block_hashes_pass_with_the_simulators_clock() {
    for version in [1, 2] {
        let mut world = world();
        let (_, urls) = payable(&mut world);
        let payment = signed(&mut world, &urls[1], version);
        world.advance(60_400);
        let failed = refused(&send(&mut world, &urls[1], &payment));
        assert!(
            failed.ends_with("transaction_simulation_failed"),
            "{failed}"
        );
        let payment = signed(&mut world, &urls[1], version);
        world.advance(60_000);
        assert_eq!(send(&mut world, &urls[1], &payment).status, 200);
    }
}

#[test]
fn replay_is_judged_by_bytes() {
    let mut world = world();
    let (_, first) = payable(&mut world);
    let (_, second) = payable(&mut world);
    let payment = signed(&mut world, &first[0], 1);
    assert_eq!(send(&mut world, &first[0], &payment).status, 200);
    let used = "invalid_exact_evm_nonce_already_used";
    assert_eq!(refused(&send(&mut world, &second[0], &payment)), used);
    let mut upper = payment.clone();
    let nonce = text(&upper["payload"]["authorization"]["nonce"]).to_uppercase();
    upper["payload"]["authorization"]["nonce"] = nonce.replace("0X", "0x").into();
    assert_eq!(refused(&send(&mut world, &second[0], &upper)), used);
    // The same nonce of another wallet is another authorization.
    let nonce: [u8; 32] = hex(text(&payment["payload"]["authorization"]["nonce"]))
        .unwrap()
        .try_into()
        .unwrap();
    let other = payer::pay_on_base(1, 1_025_000, world.now.wall / 1_000 + 60, nonce).unwrap();
    let other = json!({ "x402Version": 1, "scheme": "exact", "network": "base", "payload": other });
    assert_eq!(send(&mut world, &second[0], &other).status, 200);

    // In a transaction, the fee payer's slot is not part of the signed bytes.
    let (_, third) = payable(&mut world);
    let payment = signed(&mut world, &third[1], 1);
    assert_eq!(send(&mut world, &third[1], &payment).status, 200);
    let mut bytes = STANDARD
        .decode(text(&payment["payload"]["transaction"]))
        .unwrap();
    bytes[1..65].fill(7);
    let mut filled = payment.clone();
    filled["payload"]["transaction"] = STANDARD.encode(bytes).into();
    let (_, fourth) = payable(&mut world);
    for payment in [&payment, &filled] {
        assert_eq!(
            refused(&send(&mut world, &fourth[1], payment)),
            "duplicate_settlement"
        );
    }
}

#[test]
fn a_refused_or_failed_payment_uses_nothing_up() {
    for (index, failure) in [
        "invalid_exact_evm_transaction_failed",
        "invalid_exact_svm_transaction_failed",
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = world();
        let (invoice, urls) = payable(&mut world);
        let payment = signed(&mut world, &urls[index], 2);
        world.misbehave(json!({ "fault": "payment-fail" }));
        let failed = send(&mut world, &urls[index], &payment);
        assert_eq!(
            (failed.status, &failed.body["error"]),
            (402, &json!(failure))
        );
        let chain = Chain::ALL[index];
        assert_eq!(
            response(&failed),
            json!({
                "success": false, "transaction": "", "network": chain.caip2(), "payer": payer::wallet(chain, 0),
                "errorReason": failure,
            })
        );
        assert_eq!(world.public(&invoice)["status"], "OPEN");
        assert_eq!(send(&mut world, &urls[index], &payment).status, 200);
    }
    let mut world = world();
    let (_, urls) = payable(&mut world);
    let payment = signed(&mut world, &urls[1], 1);
    world.misbehave(json!({ "fault": "payment-fail" }));
    assert_eq!(
        response(&send(&mut world, &urls[1], &payment))["errorReason"],
        "transaction_failed"
    );
}

#[test]
fn a_pending_payment_says_so_and_settles() {
    for version in [1, 2] {
        let mut world = world_with(json!({ "settlementDelayMs": 2_000 }));
        let (invoice, urls) = payable(&mut world);
        let (_, others) = payable(&mut world);
        let payment = signed(&mut world, &urls[0], version);
        let accepted = send(&mut world, &urls[0], &payment);
        assert_eq!(
            (accepted.status, &accepted.body["status"]),
            (202, &json!("PAYING"))
        );
        let said = response(&accepted);
        assert_eq!(
            (&said["success"], &said["errorReason"]),
            (&json!(false), &json!("settlement_pending"))
        );
        assert_eq!(
            refused(&send(&mut world, &others[0], &payment)),
            if version == 1 {
                "invalid_exact_evm_nonce_already_used"
            } else {
                // Nothing was offered for this one.
                "No matching payment requirements"
            }
        );
        world.advance(1_999);
        assert_eq!(world.public(&invoice)["status"], "PAYING");
        world.advance(1);
        let paid = world.public(&invoice);
        assert_eq!(
            (&paid["status"], &paid["paid_tx_hash"]),
            (&json!("PAID"), &said["transaction"])
        );
    }
}

#[test]
fn a_pending_payment_that_fails_gives_back_what_it_used_up() {
    for index in [0, 1] {
        let mut world = world_with(json!({ "settlementDelayMs": 2_000 }));
        let (invoice, urls) = payable(&mut world);
        let payment = signed(&mut world, &urls[index], 2);
        assert_eq!(send(&mut world, &urls[index], &payment).status, 202);
        let failed = json!({ "command": "failPayment", "target": invoice["id"] });
        assert_eq!(world.command(failed)["status"], "OPEN");
        assert_eq!(send(&mut world, &urls[index], &payment).status, 202);
    }
}

#[test]
fn pages_may_pay_and_nothing_else() {
    let mut world = world();
    let (invoice, urls) = payable(&mut world);
    let url = text(&urls[0]);
    for url in [url.to_owned(), url.replace("?chain=", "/")] {
        let preflight = world.send("OPTIONS", &url, &[("Origin", "https://shop.example")], b"");
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("access-control-allow-headers"), Some("*"));
        assert_eq!(
            preflight.header("access-control-allow-methods"),
            Some("GET, POST, OPTIONS")
        );
        let asked = world.send("GET", &url, &[], b"");
        assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
        let exposed = asked.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("PAYMENT-REQUIRED") && exposed.contains("X-PAYMENT-RESPONSE"));
    }
    world.pay(&invoice["id"]);
    assert_eq!(
        world
            .send("GET", url, &[], b"")
            .header("access-control-allow-origin"),
        Some("*")
    );
    for path in [
        "/v1/invoices",
        &format!("/v1/invoices/{}", text(&invoice["public_invoice_id"])),
    ] {
        let other = world.send(
            "OPTIONS",
            &format!("https://agents.gwop.io{path}"),
            &[],
            b"",
        );
        assert_eq!(
            (other.status, other.header("access-control-allow-origin")),
            (405, None)
        );
    }
    assert_eq!(
        world
            .get("/v1/invoices")
            .header("access-control-allow-origin"),
        None
    );
}

#[test]
fn a_late_payment_settles_after_its_refusal() {
    for kind in ["refused", "timeout"] {
        let mut world = world();
        let (invoice, urls) = payable(&mut world);
        let recover = world.public(&invoice)["payment_methods"][0]["recover_url"].clone();
        world.misbehave(json!({ "fault": "payment-late", "delayMs": 5_000, "answer": kind }));
        let payment = signed(&mut world, &urls[0], 2);
        let first = send(&mut world, &urls[0], &payment);
        if kind == "timeout" {
            assert!(first.reply.lost);
        } else {
            assert_eq!(
                (first.status, &response(&first)["errorReason"]),
                (402, &json!("unexpected_settle_error"))
            );
        }
        assert_eq!(world.public(&invoice)["status"], "OPEN");
        let pending = world.send("GET", text(&recover), &[], b"");
        assert_eq!(
            pending.body["payments"][0]["errorReason"],
            "settlement_pending"
        );
        // The same header again is the same payment.
        let again = send(&mut world, &urls[0], &payment);
        assert_eq!(
            (again.status, &response(&again)["errorReason"]),
            (202, &json!("settlement_pending"))
        );
        world.advance(5_000);
        let paid = world.public(&invoice);
        assert_eq!(
            (&paid["status"], &paid["paid_tx_hash"]),
            (&json!("PAID"), &response(&again)["transaction"])
        );
        let recovered = world.send("POST", text(&recover), &[], b"");
        assert_eq!(recovered.body["payments"][0]["success"], true);
        assert_eq!(response(&recovered)["transaction"], paid["paid_tx_hash"]);
        assert_eq!(
            common::event(&world.deliver(200)[0])["event_type"],
            "invoice.paid"
        );
    }
}

#[test]
fn whoever_pays_again_after_a_late_payment_has_paid_twice() {
    let mut world = world();
    let (invoice, urls) = payable(&mut world);
    world.misbehave(json!({ "fault": "payment-late", "delayMs": 5_000 }));
    assert_eq!(world.pay_by_x402(&urls[0], json!({})).status, 402);
    assert_eq!(world.pay_by_x402(&urls[0], json!({})).status, 200);
    world.advance(5_000);
    let state = world.command(json!({ "command": "state" }));
    assert_eq!(
        state["unmatchedPayments"][0]["publicInvoiceId"],
        invoice["public_invoice_id"]
    );
    let recover = format!(
        "https://agents.gwop.io/v1/invoices/{}/recover",
        text(&invoice["public_invoice_id"])
    );
    let payments = world.send("GET", &recover, &[], b"").body["payments"].clone();
    assert_eq!(
        (&payments[0]["success"], &payments[1]["success"]),
        (&json!(true), &json!(true))
    );
    assert_ne!(payments[0]["transaction"], payments[1]["transaction"]);
    assert_eq!(
        world
            .command(json!({ "command": "deliveries" }))
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_late_payment_of_an_expired_invoice_and_of_an_intent() {
    let mut world = world();
    let (invoice, urls) = payable(&mut world);
    world.misbehave(json!({ "fault": "payment-late", "delayMs": 1_000_000 }));
    world.pay_by_x402(&urls[1], json!({}));
    world.advance(1_000_000);
    assert_eq!(world.public(&invoice)["status"], "EXPIRED");
    let recover = format!(
        "https://agents.gwop.io/v1/invoices/{}/recover",
        text(&invoice["public_invoice_id"])
    );
    let recovered = world.send("GET", &recover, &[], b"");
    assert_eq!(
        (&recovered.body["status"], &response(&recovered)["success"]),
        (&json!("EXPIRED"), &json!(true))
    );

    let intent = world.post("/v1/auth-intents", json!({})).body;
    let url = intent["challenge"]["payment_methods"][0]["payment_url"].clone();
    world.misbehave(json!({ "fault": "payment-late", "delayMs": 1_000 }));
    assert_eq!(world.pay_by_x402(&url, json!({})).status, 402);
    let path = format!(
        "/v1/auth-intents/{}/exchange",
        text(&intent["auth_intent_id"])
    );
    assert_eq!(
        world.as_merchant(KEY, "POST", &path, None, None).code(),
        "AUTH_INTENT_NOT_SETTLED"
    );
    world.advance(1_000);
    assert_eq!(
        world.as_merchant(KEY, "POST", &path, None, None).status,
        200
    );
    let recover = text(&url).split("/x402").next().unwrap().to_owned() + "/recover";
    assert_eq!(world.send("GET", &recover, &[], b"").body["status"], "PAID");
}

#[test]
fn only_the_response_to_the_request_that_pays_gets_lost() {
    let mut world = world();
    let (invoice, urls) = payable(&mut world);
    world.misbehave(json!({ "fault": "payment-lose-answer" }));
    assert_eq!(world.send("GET", text(&urls[0]), &[], b"").status, 402);
    let mut wrong = signed(&mut world, &urls[0], 1);
    wrong["payload"]["signature"] = json!("0x");
    refused(&send(&mut world, &urls[0], &wrong));
    assert!(world.pay_by_x402(&urls[0], json!({})).reply.lost);
    let recover = format!(
        "https://agents.gwop.io/v1/invoices/{}/recover",
        text(&invoice["public_invoice_id"])
    );
    let recovered = world.send("GET", &recover, &[], b"");
    assert_eq!(
        response(&recovered)["transaction"],
        world.public(&invoice)["paid_tx_hash"]
    );
    let log = world.command(json!({ "command": "requests" }));
    let statuses: Vec<&Value> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["status"])
        .collect();
    assert_eq!(statuses.iter().filter(|status| status.is_null()).count(), 1);
    let (_, urls) = payable(&mut world);
    assert_eq!(world.pay_by_x402(&urls[0], json!({})).status, 200);
}

#[test]
fn named_smart_wallets_may_sign_as_they_like() {
    let wallet = "0x00000000000000000000000000000000000000aa";
    let mut world = world_with(json!({ "smartWallets": [wallet] }));
    let (_, urls) = payable(&mut world);
    let mut payment = signed(&mut world, &urls[0], 2);
    payment["payload"]["authorization"]["from"] = json!(wallet);
    payment["payload"]["signature"] = json!(format!("0x{}", "11".repeat(100)));
    let mut other = payment.clone();
    other["payload"]["authorization"]["from"] = json!("0x00000000000000000000000000000000000000bb");
    assert_eq!(
        refused(&send(&mut world, &urls[0], &other)),
        "invalid_exact_evm_signature"
    );
    let paid = send(&mut world, &urls[0], &payment);
    assert_eq!(
        (paid.status, &response(&paid)["payer"]),
        (200, &json!(Address::from_hex(wallet).unwrap().to_string()))
    );
}

#[test]
fn gwop_docs_are_followed_on_request() {
    let mut world = world_with(json!({ "x402": "gwop-docs" }));
    let (invoice, urls) = payable(&mut world);
    let url = text(&urls[0]).replace("?chain=", "/");
    let asked = world.send("GET", &url, &[], b"");
    let challenge = decoded(asked.header("payment-required").unwrap());
    assert_eq!(asked.body, challenge);
    assert_eq!(challenge["resource"]["method"], "POST");
    let offer = challenge["accepts"][0].clone();
    let id = text(&offer["extra"]["settlementId"]).to_owned();
    assert!(id.starts_with("req_"));
    assert_eq!(
        offer["extra"],
        json!({
            "invoiceId": invoice["public_invoice_id"], "settlementId": id, "assetSymbol": "USDC", "assetDecimals": 6,
            "chain": "base", "name": "USD Coin", "version": "2", "assetTransferMethod": "eip3009",
        })
    );
    let signature_parts = |payment: &mut Value| {
        let bytes = text(&payment["payload"]["signature"]).to_owned();
        payment["payload"]["signature"] = json!({
            "r": &bytes[..66], "s": format!("0x{}", &bytes[66..130]), "v": i64::from_str_radix(&bytes[130..], 16).unwrap(),
        });
    };
    let mut payment = signed(&mut world, &urls[0], 2);
    payment["accepted"] = offer;
    let with_header = |payment: &Value| vec![("PAYMENT-SIGNATURE".to_owned(), encoded(payment))];
    // GET only discovers, and a settlement id is required.
    let header = encoded(&payment);
    let discovered = world.send("GET", &url, &[("PAYMENT-SIGNATURE", &header)], b"");
    assert_eq!(
        (discovered.status, &discovered.body["error"]),
        (402, &json!("Payment required"))
    );
    let mut without = payment.clone();
    without["accepted"]["extra"]
        .as_object_mut()
        .unwrap()
        .remove("settlementId");
    let seen = world.send_payment(&json!(url), &with_header(&without));
    assert_eq!(seen.body["error"], "settlement_id_required");
    let mut unknown = payment.clone();
    unknown["accepted"]["extra"]["settlementId"] = json!("req_0000");
    let seen = world.send_payment(&json!(url), &with_header(&unknown));
    assert_eq!(seen.body["error"], "No matching payment requirements");

    signature_parts(&mut payment);
    let paid = world.send_payment(&json!(url), &with_header(&payment));
    assert_eq!(paid.status, 200, "{paid:?}");
    let public = world.public(&invoice);
    let said = decoded(paid.header("payment-response").unwrap());
    assert_eq!(
        said,
        json!({
            "paid_at": public["paid_at"], "paid_tx_hash": public["paid_tx_hash"], "payer_address": payer::wallet(Chain::Base, 0),
            "paid_amount": "1025000", "tx_url": public["tx_url"],
        })
    );
    // The same header gets the first response. Another payload does not.
    let again = world.send_payment(&json!(url), &with_header(&payment));
    assert_eq!(
        (
            again.status,
            decoded(again.header("payment-response").unwrap())
        ),
        (200, said)
    );
    let mut other = payment.clone();
    other["payload"]["authorization"]["nonce"] = json!(format!("0x{}", "22".repeat(32)));
    let refused = world.send_payment(&json!(url), &with_header(&other));
    assert_eq!(
        (refused.status, refused.code()),
        (409, "IDEMPOTENCY_CONFLICT")
    );
    // Version 1 is not supported.
    let (_, urls) = payable(&mut world);
    let seen = world.send_payment(&urls[0], &[("X-PAYMENT".into(), encoded(&payment))]);
    assert_eq!(
        (seen.status, &seen.body["error"]),
        (402, &json!("Payment required"))
    );
    assert_eq!(world.pay_by_x402(&urls[0], json!({})).status, 200);

    // On Solana: a transaction that was already sent, or one to send.
    let sent =
        "5J8WNmNyhbLvHy8QoWgrGLK1DMxZbwLBcyhBYzpoPfpQBVqRkRdgYFQkLvdcrCVcjJGMzLHGmEWWHzt8NdbAXFiC";
    let (invoice, urls) = payable(&mut world);
    let mut payment = signed(&mut world, &urls[1], 2);
    assert_eq!(
        payment["accepted"]["extra"]["assetTransferMethod"],
        Value::Null
    );
    let transaction = payment["payload"]["transaction"].clone();
    payment["payload"] = json!({ "tx_hash": sent, "transaction": transaction });
    assert_eq!(
        world.send_payment(&urls[1], &with_header(&payment)).body["error"],
        "invalid_payload"
    );
    payment["payload"] = json!({ "tx_hash": sent });
    let paid = world.send_payment(&urls[1], &with_header(&payment));
    assert_eq!(paid.status, 200);
    // The response contains the transaction that the agent named.
    assert_eq!(response(&paid)["paid_tx_hash"], sent);
    assert_eq!(paid.body["paid_tx_hash"], sent);
    assert_eq!(world.public(&invoice)["paid_tx_hash"], sent);
    let delivered = world.deliver(200);
    let event = common::event(delivered.last().unwrap());
    assert_eq!(event["data"]["tx_signature"], sent);
    let (_, urls) = payable(&mut world);
    let mut payment = signed(&mut world, &urls[1], 2);
    let honest = payment.clone();
    payment["payload"] = json!({ "tx_hash": sent });
    assert_eq!(
        world.send_payment(&urls[1], &with_header(&payment)).body["error"],
        "duplicate_settlement"
    );
    assert_eq!(
        world.send_payment(&urls[1], &with_header(&honest)).status,
        200
    );
}

#[test]
fn gwop_docs_free_a_settlement_id_whose_payment_failed() {
    let mut world = world_with(json!({ "x402": "gwop-docs", "settlementDelayMs": 5_000 }));
    let (invoice, urls) = payable(&mut world);
    let headers = world.signed(&urls[0], json!({}));
    let first = world.send_payment(&urls[0], &headers);
    assert_eq!(first.status, 202);
    let again = world.send_payment(&urls[0], &headers);
    assert_eq!((again.status, &again.body), (202, &first.body));
    world.command(json!({ "command": "failPayment", "target": invoice["public_invoice_id"] }));
    assert_eq!(world.public(&invoice)["status"], "OPEN");
    // The same header pays again, with another transaction.
    let anew = world.send_payment(&urls[0], &headers);
    assert_eq!(anew.status, 202);
    assert_ne!(
        response(&anew)["transaction"],
        response(&first)["transaction"]
    );
    assert_eq!(world.public(&invoice)["status"], "PAYING");
    world.advance(5_000);
    assert_eq!(
        world.public(&invoice)["paid_tx_hash"],
        response(&anew)["transaction"]
    );
}

#[test]
fn gwop_docs_say_why_a_payment_failed_and_know_a_late_one_again() {
    let mut world = world_with(json!({ "x402": "gwop-docs" }));
    let (invoice, urls) = payable(&mut world);
    world.misbehave(json!({ "fault": "payment-fail" }));
    let failed = world.pay_by_x402(&urls[0], json!({}));
    assert_eq!(failed.status, 402);
    let said = response(&failed);
    assert_eq!(
        (&said["success"], &said["errorReason"], &said["transaction"]),
        (
            &json!(false),
            &json!("invalid_exact_evm_transaction_failed"),
            &json!("")
        )
    );
    for kind in ["refused", "timeout"] {
        let (invoice, urls) = payable(&mut world);
        world.misbehave(json!({ "fault": "payment-late", "delayMs": 5_000, "answer": kind }));
        let headers = world.signed(&urls[0], json!({}));
        let late = world.send_payment(&urls[0], &headers);
        assert_eq!(late.reply.lost, kind == "timeout");
        if kind == "refused" {
            assert_eq!(response(&late)["errorReason"], "unexpected_settle_error");
        }
        // The same header again: the payment is in progress.
        let again = world.send_payment(&urls[0], &headers);
        let said = response(&again);
        assert_eq!(
            (again.status, &said["errorReason"]),
            (202, &json!("settlement_pending"))
        );
        // The settlement id accepts no other payload.
        let mut other = decoded(&headers[0].1);
        other["payload"]["authorization"]["nonce"] = json!(format!("0x{}", "22".repeat(32)));
        sign_again(&mut other);
        let headers = [(headers[0].0.clone(), encoded(&other))];
        assert_eq!(
            world.send_payment(&urls[0], &headers).code(),
            "IDEMPOTENCY_CONFLICT"
        );
        world.advance(5_000);
        let public = world.public(&invoice);
        assert_eq!(
            (&public["status"], &public["paid_tx_hash"]),
            (&json!("PAID"), &said["transaction"])
        );
    }
    assert_eq!(world.public(&invoice)["status"], "OPEN");
}

#[test]
fn unchecked_judges_as_1_0_0_did_and_warns_once() {
    let mut world = world_with(json!({ "x402": "unchecked" }));
    assert_eq!(world.simulator.take_warnings().len(), 1);
    let (invoice, urls) = payable(&mut world);
    let asked = world.send("GET", text(&urls[0]), &[], b"");
    assert_eq!(
        (asked.header("payment-required"), &asked.body["x402Version"]),
        (None, &json!(1))
    );
    let accepts = &asked.body["accepts"][0];
    let payment = json!({
        "x402Version": 1, "scheme": "exact", "network": "base",
        "payload": { "signature": "0x00", "authorization": {
            "from": "0x00000000000000000000000000000000000000aa", "to": accepts["payTo"],
            "value": accepts["maxAmountRequired"], "validAfter": "0", "validBefore": "9999999999", "nonce": "hello",
        }},
    });
    let paid = send(&mut world, &urls[0], &payment);
    assert_eq!(paid.status, 200);
    assert_eq!(response(&paid)["success"], true);
    assert_eq!(world.public(&invoice)["status"], "PAID");
    let (_, urls) = payable(&mut world);
    assert_eq!(
        send(&mut world, &urls[0], &payment).body["error"],
        "duplicate_settlement"
    );
    assert_eq!(world.pay_by_x402(&urls[1], json!({})).status, 200);
    assert!(world.simulator.take_warnings().is_empty());
}

#[test]
fn idempotency_keys_that_are_no_uuids_are_warned_of_once_or_refused() {
    let body = || Some(json!({ "amount_usdc": 1 }));
    let mut world = world();
    let mut warnings = |key| {
        world
            .as_merchant(KEY, "POST", "/v1/invoices", body(), Some(key))
            .reply
            .warnings
            .len()
    };
    assert_eq!(warnings("0f8fad5b-d9cb-469f-a165-70867728950e"), 0);
    assert_eq!(warnings("order_abc_v1"), 1);
    assert_eq!(warnings("order_abc_v2"), 0);

    let mut strict = world_with(json!({ "strictIdempotencyKeys": true }));
    for (key, status) in [
        ("0f8fad5b-d9cb-469f-a165-70867728950e", 201),
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", 201),
        ("order_abc_v1", 400),
        ("0f8fad5b-d9cb-169f-a165-70867728950e", 400),
        ("0f8fad5b-d9cb-469f-c165-70867728950e", 400),
    ] {
        let seen = strict.as_merchant(KEY, "POST", "/v1/invoices", body(), Some(key));
        assert_eq!(seen.status, status, "{key}");
    }
    assert_eq!(
        strict
            .as_merchant(KEY, "POST", "/v1/invoices", body(), None)
            .status,
        201
    );
}

#[test]
fn test_wallets_sign_only_what_can_be_paid() {
    let mut world = world();
    let (invoice, urls) = payable(&mut world);
    let mut refusal = |command: Value| world.refused(command).unwrap_err();
    let url = urls[0].clone();
    assert_eq!(
        refusal(json!({ "command": "signPayment", "target": url, "x402Version": 3 }))
            .field
            .as_deref(),
        Some("x402Version")
    );
    assert_eq!(
        refusal(json!({ "command": "signPayment", "target": "inv_none" })).code,
        "NOT_FOUND"
    );
    let signed = world
        .command(json!({ "command": "signPayment", "target": invoice["id"], "chain": "solana" }));
    assert_eq!(
        (&signed["url"], &signed["method"]),
        (&urls[1], &json!("POST"))
    );
    assert_eq!(
        (&signed["chain"], &signed["wallet"]),
        (&json!("solana"), &json!(payer::wallet(Chain::Solana, 0)))
    );
    world.pay(&invoice["id"]);
    assert_eq!(
        world.try_command(json!({ "command": "signPayment", "target": url })),
        Err("NOT_ALLOWED".into())
    );
}
