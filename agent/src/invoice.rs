//! The public invoice: what to pay, and whether it was paid.

use crate::bytes::json_object;
use crate::challenge::is_transaction;
use crate::json::Value;
use crate::network::{DECIMALS, Network};
#[allow(unused_imports)]
use crate::prelude::*;

/// The status of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can be paid.
    Open,
    /// A payment is being confirmed.
    Paying,
    /// It was paid.
    Paid,
    /// It can no longer be paid, or this version does not know the status.
    Closed,
}

/// One way to pay, as an invoice or an auth intent names it.
#[derive(Clone, Debug)]
pub struct Method {
    /// The network.
    pub network: Network,
    /// The URL that responds with the challenge.
    pub url: String,
    /// The address that is paid. Auth intents do not name it.
    pub pay_to: Option<String>,
    /// Atomic units of USDC.
    pub amount: u64,
}

/// A public invoice.
#[derive(Clone, Debug)]
pub struct Invoice {
    /// Its status.
    pub status: Status,
    /// The name of the status, as Gwop sent it.
    pub status_name: String,
    /// The ways to pay on networks that the agent knows.
    pub methods: Vec<Method>,
    /// When it was paid, RFC 3339.
    pub paid_at: Option<String>,
    /// The chain it was paid on.
    pub paid_chain: Option<String>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
    /// Where people can view that transaction.
    pub url: Option<String>,
    /// The merchant's name.
    pub merchant: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// Prepares a text of the server for people: removes control characters and limits the length.
fn shown(text: String) -> String {
    let visible = text.chars().filter(|character| !character.is_control());
    visible.take(500).collect()
}

impl Invoice {
    /// Reads the response to `GET /v1/invoices/{id}`.
    ///
    /// # Errors Returns the member that is missing or wrong.
    pub fn read(body: &str, id: &str) -> Result<Self, &'static str> {
        let members = json_object(body.as_bytes()).ok_or("JSON")?;
        let text = |name: &str| members.get(name).and_then(Value::to_text);
        if text("id").as_deref() != Some(id) {
            return Err("id");
        }
        let status_name = text("status").ok_or("status")?;
        let status = match status_name.as_str() {
            "OPEN" => Status::Open,
            "PAYING" => Status::Paying,
            "PAID" => Status::Paid,
            _ => Status::Closed,
        };
        let mut methods = Vec::new();
        if status == Status::Open {
            let amount = members.get("amount").ok_or("amount")?;
            let total = amount
                .get("value")
                .and_then(Value::as_integer)
                .ok_or("amount.value")?;
            let total = u64::try_from(total).map_err(|_| "amount.value")?;
            if amount.get("decimals").and_then(Value::as_integer) != Some(DECIMALS) {
                return Err("amount.decimals");
            }
            let listed = members.get("payment_methods").and_then(Value::as_array);
            for method in listed.unwrap_or_default() {
                methods.extend(Method::of_invoice(method, total)?);
            }
        }
        let transaction = text("paid_tx_hash").filter(|text| is_transaction(text));
        let merchant = members.get("merchant");
        let merchant = merchant.and_then(|merchant| merchant.get("name")?.to_text());
        Ok(Self {
            status,
            status_name: shown(status_name),
            methods,
            paid_at: text("paid_at").filter(|text| crate::time::parse_rfc3339(text).is_some()),
            paid_chain: text("payment_chain"),
            transaction,
            url: text("tx_url").filter(|url| crate::url::Origin::of(url).is_some()),
            merchant: merchant.map(shown),
            description: text("description").map(shown),
        })
    }
}

impl Method {
    /// Reads an element of `payment_methods`. `None` if the agent does not know its kind or
    /// network.
    fn of_invoice(value: Value<'_>, total: u64) -> Result<Option<Self>, &'static str> {
        let text = |name: &str| value.get(name).and_then(Value::to_text);
        let network = text("network").and_then(|name| Network::parse(&name));
        let (Some("x402"), Some(network)) = (text("kind").as_deref(), network) else {
            return Ok(None);
        };
        let amount = value.get("amount").ok_or("payment_methods.amount")?;
        let amount = match amount.as_str() {
            Some(text) => text.parse().ok(),
            None => amount
                .as_integer()
                .and_then(|amount| u64::try_from(amount).ok()),
        };
        if amount != Some(total) {
            return Err("payment_methods.amount");
        }
        let asset = value.get("asset").ok_or("payment_methods.asset")?;
        let contract = asset.get("contract").and_then(Value::to_text);
        let contract = contract.ok_or("payment_methods.asset.contract")?;
        if !crate::challenge::same_address(network, &contract, network.usdc()) {
            return Err("payment_methods.asset.contract");
        }
        let decimals = asset.get("decimals").and_then(Value::as_integer);
        if decimals != Some(DECIMALS) {
            return Err("payment_methods.asset.decimals");
        }
        Ok(Some(Self {
            network,
            url: text("payment_url").ok_or("payment_methods.payment_url")?,
            pay_to: Some(text("pay_to").ok_or("payment_methods.pay_to")?),
            amount: total,
        }))
    }
}

/// An auth intent as the merchant handed it over, with the field names of the wire or of the SDK.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Its id, `ai_…`.
    pub id: String,
    /// The ways to pay on networks that the agent knows.
    pub methods: Vec<Method>,
}

impl Intent {
    /// Reads an auth intent.
    ///
    /// # Errors Returns the member that is missing or wrong.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let value = Value::parse(text.as_bytes()).map_err(|_| "JSON")?;
        let either = |value: Value<'_>, names: [&str; 2]| {
            names
                .into_iter()
                .find_map(|name| value.get(name)?.to_text())
        };
        let id = either(value, ["authIntentId", "auth_intent_id"]).ok_or("authIntentId")?;
        // The journal stores the ids of invoices in the same field. The prefix ensures that a login
        // never marks an invoice as paid.
        if !id.starts_with("ai_") {
            return Err("authIntentId");
        }
        let challenge = value.get("challenge").ok_or("challenge")?;
        let amount = either(challenge, ["amountUsdcAtomic", "amount_usdc_atomic"]);
        let amount = amount.and_then(|amount| amount.parse().ok());
        let amount = amount.ok_or("challenge.amountUsdcAtomic")?;
        let listed = ["paymentMethods", "payment_methods"];
        let listed = listed
            .into_iter()
            .find_map(|name| challenge.get(name)?.as_array());
        let mut methods = Vec::new();
        for method in listed.ok_or("challenge.paymentMethods")? {
            let chain = method.get("chain").and_then(Value::to_text);
            let Some(network) = chain.and_then(|chain| Network::parse(&chain)) else {
                continue;
            };
            let url = either(method, ["paymentUrl", "payment_url"]);
            let url = url.ok_or("challenge.paymentMethods.paymentUrl")?;
            methods.push(Method {
                network,
                url,
                pay_to: None,
                amount,
            });
        }
        Ok(Self { id, methods })
    }
}
