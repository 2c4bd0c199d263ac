//! Tests the pinned values, the repeated values, and how limits count.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use gwop_agent::attempt::{Attempt, Clocks, Kind, State};
use gwop_agent::bytes::{from_base64, to_base64};
use gwop_agent::challenge::{Challenge, Settlement};
use gwop_agent::limits::{Limits, Quota, evaluate};
use gwop_agent::task::Reply;
use serde_json::{Value, json};

const WALLET: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// A change to an offer.
type Change = dyn Fn(&mut Value);

fn offer() -> Value {
    json!({
        "scheme": "exact", "network": "eip155:8453", "amount": "1000", "payTo": WALLET,
        "asset": "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "maxTimeoutSeconds": 60,
        "extra": { "name": "USD Coin", "version": "2" },
    })
}

fn read(challenge: &Value) -> Result<Challenge, &'static str> {
    let header = to_base64(challenge.to_string().as_bytes());
    Challenge::read(Some(&header), "")
}

#[test]
fn only_what_is_pinned_is_an_offer() {
    let with = |change: &Change| {
        let mut offer = offer();
        change(&mut offer);
        read(&json!({ "x402Version": 2, "accepts": [offer] })).unwrap()
    };
    assert_eq!(with(&|_| {}).offers.len(), 1);
    let refused: [(&str, &Change); 9] = [
        ("asset", &|offer| offer["asset"] = json!(WALLET)),
        ("payTo", &|offer| offer["payTo"] = json!("0x12")),
        ("amount", &|offer| offer["amount"] = json!("1e3")),
        ("amount", &|offer| offer["amount"] = json!("-1")),
        ("amount", &|offer| offer["amount"] = json!("0")),
        ("amount", &|offer| {
            offer["amount"] = json!("9007199254740993")
        }),
        ("extra.name", &|offer| {
            offer["extra"]["name"] = json!("USDC")
        }),
        ("extra.version", &|offer| {
            offer["extra"]["version"] = json!("1")
        }),
        ("extra.decimals", &|offer| {
            offer["extra"]["decimals"] = json!(18)
        }),
    ];
    for (member, change) in refused {
        let challenge = with(change);
        assert_eq!(
            (challenge.offers.len(), challenge.refused),
            (0, Some(member))
        );
    }
    let foreign: [&Change; 3] = [
        &|offer| offer["network"] = json!("eip155:1"),
        &|offer| offer["scheme"] = json!("upto"),
        &|offer| offer["extra"]["assetTransferMethod"] = json!("permit2"),
    ];
    for change in foreign {
        let challenge = with(change);
        assert_eq!((challenge.offers.len(), challenge.refused), (0, None));
    }
}

#[test]
fn the_offer_and_extensions_are_echoed_and_the_identifier_is_added() {
    let extensions = json!({
        "bazaar": { "info": { "a": 1 } },
        "payment-identifier": { "info": { "required": true }, "schema": { "b": 2 } },
    });
    let resource = json!({ "url": "https://shop.example/r", "method": "POST" });
    let challenge = json!({
        "x402Version": 2, "accepts": [offer()], "extensions": extensions, "resource": resource,
    });
    let challenge = read(&challenge).unwrap();
    assert_eq!(challenge.method.as_deref(), Some("POST"));
    let header = challenge.header(&challenge.offers[0], r#"{"p":1}"#, "0123456789abcdef");
    let header: Value = serde_json::from_slice(&from_base64(&header).unwrap()).unwrap();
    let mut expected = extensions;
    expected["payment-identifier"]["info"]["id"] = json!("0123456789abcdef");
    assert_eq!(
        header,
        json!({
            "x402Version": 2, "resource": resource, "accepted": offer(), "payload": { "p": 1 },
            "extensions": expected,
        })
    );
}

#[test]
fn both_shapes_of_a_response_are_read_and_only_plain_words_are_told() {
    let read = |value: Value| Settlement::read(&to_base64(value.to_string().as_bytes())).unwrap();
    let standard = read(json!({ "success": true, "transaction": "0x01", "network": "base" }));
    assert_eq!(
        (standard.success, standard.transaction.as_deref()),
        (true, Some("0x01"))
    );
    let of_gwop = read(json!({ "paid_tx_hash": "0x02", "paid_at": "2026-11-29T00:00:00Z" }));
    assert_eq!(
        (of_gwop.success, of_gwop.transaction.as_deref()),
        (true, Some("0x02"))
    );
    let refused = read(json!({ "success": false, "errorReason": "settlement_pending" }));
    assert_eq!(refused.reason.as_deref(), Some("settlement_pending"));
    let echo = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    assert_eq!(
        read(json!({ "success": false, "errorReason": echo })).reason,
        None
    );
}

fn attempt(nonce: &str, amount: u64, state: State) -> Attempt {
    Attempt {
        id: nonce.to_owned(),
        invoice: format!("inv_{nonce}"),
        kind: Kind::Invoice,
        chain: "base",
        url: String::new(),
        method: "POST".to_owned(),
        header_name: "X-PAYMENT".to_owned(),
        wallet: WALLET.to_owned(),
        pay_to: WALLET.to_owned(),
        amount,
        nonce: nonce.to_owned(),
        valid_before: Some(1),
        last_valid_block_height: None,
        again: false,
        state,
        header: None,
        transaction: None,
        reserved_at: 1_000_000,
    }
}

#[test]
fn what_was_sent_counts_and_what_excludes_each_other_counts_once() {
    let limits = Limits {
        per_payment: 100,
        per_period: Some(Quota {
            amount: 100,
            seconds: 60,
        }),
        ..Limits::default()
    };
    let new = attempt("new", 40, State::Reserved);
    let code = |known: &[Attempt]| {
        evaluate(&new, &limits, known)
            .err()
            .map(|refusal| refusal.code)
    };
    for (state, refused) in [
        (State::Reserved, true),
        (State::Sent, true),
        (State::Refused, true),
        (State::Settled, true),
        (State::Lapsed, true),
        (State::Released, false),
    ] {
        let known = [attempt("one", 61, state)];
        assert_eq!(code(&known).is_some(), refused, "{state:?}");
        assert_eq!(code(&[attempt("one", 60, state)]), None, "{state:?}");
    }
    // Only one of two signatures with the same nonce can settle.
    let twice = [
        attempt("one", 60, State::Refused),
        attempt("one", 50, State::Sent),
    ];
    assert_eq!(code(&twice), None);
    let old = Attempt {
        reserved_at: 939_000,
        ..attempt("one", 100, State::Settled)
    };
    assert_eq!(code(&[old]), None);
}

#[test]
fn an_authorization_lapses_by_both_clocks() {
    let lapsed = |own: u64, server: Option<u64>| Clocks { own, server }.has_lapsed(1_000);
    assert!(!lapsed(1_120_999, Some(2_000_000)));
    assert!(lapsed(1_121_000, Some(1_121_000)));
    assert!(!lapsed(1_121_000, Some(1_120_999)));
    // Without a server's time, or with an implausible one.
    assert!(!lapsed(1_900_999, None));
    assert!(lapsed(1_901_000, None));
    assert!(!lapsed(1_200_000, Some(90_000_000_000)));
}

#[test]
fn a_journal_that_gives_nonsense_has_failed() {
    for text in [
        "",
        "{}",
        "[]",
        "{\"attempt\":{}}",
        "{\"reserved\":true}",
        "{\"yes\":1}",
        "{\"attempts\":[{}]}",
        "{\"bytes\":\"zz\"}",
        "{\"answer\":{\"status\":70000}}",
    ] {
        assert!(matches!(Reply::read(text), Reply::Failed), "{text}");
    }
    assert!(matches!(
        Reply::read("{\"attempt\":null}"),
        Reply::Attempt(None)
    ));
    assert!(matches!(
        Reply::read("{\"reserved\":\"reserved\"}"),
        Reply::Reserved(Ok(()))
    ));
}

#[test]
fn a_journal_refuses_what_is_over_the_limit_of_one_payment_or_of_one_recipient() {
    let code = |attempt: &Attempt, limits: &Limits, known: &[Attempt]| {
        let refusal = evaluate(attempt, limits, known).err();
        refusal.map(|refusal| refusal.code)
    };
    let new = attempt("new", 101, State::Reserved);
    let limits = Limits {
        per_payment: 100,
        ..Limits::default()
    };
    assert_eq!(code(&new, &limits, &[]), Some("LIMIT_PER_PAYMENT"));
    let limits = Limits {
        per_payment: 101,
        per_recipient: Some(Quota {
            amount: 200,
            seconds: 60,
        }),
        ..Limits::default()
    };
    let known = attempt("one", 100, State::Settled);
    let refused = Some("LIMIT_PER_RECIPIENT");
    assert_eq!(code(&new, &limits, std::slice::from_ref(&known)), refused);
    let other = Attempt {
        pay_to: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8".to_owned(),
        ..known
    };
    assert_eq!(code(&new, &limits, &[other]), None);
}
