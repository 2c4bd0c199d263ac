//! The judgment of version 1.0.0: x402 version 1 with every check except the signature. Anybody can
//! claim to be any wallet.

use crate::config::MAX_MS;
use crate::payment::{Chain, Demand, Evaluated, Once, Payment};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Returns the body of a 402.
#[must_use]
pub fn challenge(demand: &Demand, error: &str) -> Value {
    let extra = match demand.chain {
        Chain::Base => json!({ "name": "USD Coin", "version": "2" }),
        Chain::Solana => json!({ "feePayer": demand.chain.pay_to() }),
    };
    json!({
        "x402Version": 1,
        "error": error,
        "accepts": [{
            "scheme": "exact",
            "network": demand.chain.as_str(),
            "maxAmountRequired": demand.amount.to_string(),
            "resource": demand.url,
            "description": demand.description,
            "mimeType": "application/json",
            "payTo": demand.chain.pay_to(),
            "maxTimeoutSeconds": 300,
            "asset": demand.chain.usdc(),
            "extra": extra,
        }],
    })
}

/// Reads an `X-PAYMENT` header and checks it against the demand. `wall` is the real time in
/// milliseconds.
///
/// # Errors Returns the `error` field of an x402 response.
pub fn evaluate(header: &str, demand: &Demand, wall: u64) -> Result<Evaluated, &'static str> {
    let bytes = STANDARD
        .decode(header.trim())
        .map_err(|_| "invalid_payload")?;
    let payment: Value = serde_json::from_slice(&bytes).map_err(|_| "invalid_payload")?;
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(String::from);
    if payment.get("x402Version").and_then(Value::as_u64) != Some(1) {
        return Err("invalid_x402_version");
    }
    if text(&payment, "scheme").as_deref() != Some("exact") {
        return Err("unsupported_scheme");
    }
    if text(&payment, "network").as_deref() != Some(demand.chain.as_str()) {
        return Err("invalid_network");
    }
    let payload = payment.get("payload").ok_or("invalid_payload")?;
    let (wallet, nonce) = match demand.chain {
        Chain::Base => {
            let authorization = payload.get("authorization").ok_or("invalid_payload")?;
            let field = |name| text(authorization, name).ok_or("invalid_payload");
            let wallet = demand.chain.normalise(&field("from")?);
            if text(payload, "signature").is_none_or(|signature| !signature.starts_with("0x")) {
                return Err("invalid_payload");
            }
            if !field("to")?.eq_ignore_ascii_case(demand.chain.pay_to()) {
                return Err("invalid_exact_evm_payload_recipient_mismatch");
            }
            if field("value")? != demand.amount.to_string() {
                return Err("invalid_exact_evm_payload_authorization_value");
            }
            let milliseconds = |name| {
                field(name)?
                    .parse::<u64>()
                    .map_err(|_| "invalid_payload")
                    .map(|seconds| seconds.min(MAX_MS).saturating_mul(1_000))
            };
            if milliseconds("validAfter")? > wall {
                return Err("invalid_exact_evm_payload_authorization_valid_after");
            }
            if milliseconds("validBefore")? <= wall {
                return Err("invalid_exact_evm_payload_authorization_valid_before");
            }
            (wallet, field("nonce")?)
        }
        Chain::Solana => {
            let transaction = text(payload, "transaction").ok_or("invalid_payload")?;
            if transaction.is_empty() || STANDARD.decode(&transaction).is_err() {
                return Err("invalid_payload");
            }
            let wallet = match text(payload, "payer") {
                None => Some(demand.chain.default_wallet()),
                Some(payer) => demand.chain.normalise(&payer),
            };
            (wallet, transaction)
        }
    };
    Ok(Evaluated {
        wallet: wallet.ok_or("invalid_payload")?,
        once: Once::of("unchecked", &[nonce.as_bytes()]),
        transaction: None,
    })
}

/// Returns the contents of `X-PAYMENT-RESPONSE`.
#[must_use]
pub fn response(payment: &Payment, success: bool) -> Value {
    json!({
        "success": success,
        "transaction": payment.transaction,
        "network": payment.chain.as_str(),
        "payer": payment.wallet,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn demand(chain: Chain) -> Demand {
        Demand {
            chain,
            amount: 1_025_000,
            payable_id: "inv_1".into(),
            url: "https://agents.gwop.io/v1/invoices/inv_1/x402".into(),
            description: String::new(),
            seconds_left: 900,
        }
    }

    fn payment(change: impl Fn(&mut Value)) -> String {
        let mut payment = json!({
            "x402Version": 1, "scheme": "exact", "network": "base",
            "payload": { "signature": "0x00", "authorization": {
                "from": Chain::Base.default_wallet(), "to": Chain::Base.pay_to(), "value": "1025000",
                "validAfter": "0", "validBefore": "2000", "nonce": "0x01",
            }},
        });
        change(&mut payment);
        STANDARD.encode(payment.to_string())
    }

    #[test]
    fn accepts_a_payment_that_fits_the_challenge() {
        let evaluated = evaluate(&payment(|_| {}), &demand(Chain::Base), 1_000_000).unwrap();
        assert_eq!(evaluated.wallet, Chain::Base.default_wallet());
        assert_eq!(evaluated.once, Once::of("unchecked", &[b"0x01"]));
    }

    #[test]
    fn refuses_payments_that_do_not() {
        type Case = (&'static str, fn(&mut Value));
        let cases: [Case; 8] = [
            ("invalid_network", |p| p["network"] = json!("solana")),
            ("unsupported_scheme", |p| p["scheme"] = json!("upto")),
            ("invalid_x402_version", |p| p["x402Version"] = json!(2)),
            ("invalid_exact_evm_payload_authorization_value", |p| {
                p["payload"]["authorization"]["value"] = json!("1000000");
            }),
            ("invalid_exact_evm_payload_recipient_mismatch", |p| {
                p["payload"]["authorization"]["to"] = json!(Chain::Base.default_wallet());
            }),
            (
                "invalid_exact_evm_payload_authorization_valid_before",
                |p| {
                    p["payload"]["authorization"]["validBefore"] = json!("1000");
                },
            ),
            ("invalid_exact_evm_payload_authorization_valid_after", |p| {
                p["payload"]["authorization"]["validAfter"] = json!("1001");
            }),
            ("invalid_payload", |p| p["payload"] = json!({})),
        ];
        for (error, change) in cases {
            let result = evaluate(&payment(change), &demand(Chain::Base), 1_000_000);
            assert_eq!(result, Err(error));
        }
        assert!(evaluate("%%%", &demand(Chain::Base), 0).is_err());
        assert!(evaluate("e30=", &demand(Chain::Solana), 0).is_err());
    }
}
