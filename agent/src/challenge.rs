//! Reads x402 challenges of both versions, and writes the header that pays one.

use crate::bytes::{decimal, from_base64, json_object, to_base64, to_hex};
use crate::json::{Value, quote};
use crate::network::{DECIMALS, Family, Network};
#[allow(unused_imports)]
use crate::prelude::*;
use crate::{evm, solana};

/// The name of the extension by which a server recognizes a payment that is sent again.
const PAYMENT_IDENTIFIER: &str = "payment-identifier";

/// The largest amount that is accepted: 2⁵³ − 1, the largest integer that JavaScript holds exactly.
const MAX_AMOUNT: u64 = (1 << 53) - 1;

/// A version of the x402 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The challenge is in the body.
    V1,
    /// The challenge is in the header `PAYMENT-REQUIRED`.
    V2,
}

impl Version {
    /// Returns the name of the header in which a payment is sent.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::V1 => "X-PAYMENT",
            Self::V2 => "PAYMENT-SIGNATURE",
        }
    }
}

/// One way to pay, as the server offered it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The original text of the offer. Version 2 sends it back.
    pub raw: String,
    /// The network.
    pub network: Network,
    /// The amount, in atomic units of USDC.
    pub amount: u64,
    /// The address that is paid, in the chain's own spelling.
    pub pay_to: String,
    /// How long the signature should be valid, in seconds.
    pub timeout_s: u64,
    /// On Solana: the account that pays the fee.
    pub fee_payer: Option<String>,
    /// On Solana: the text for the memo.
    pub memo: Option<String>,
    /// On Solana: a block hash, if the server sends one.
    pub blockhash: Option<String>,
    /// On Solana: the last height at which the block hash is valid.
    pub last_valid_block_height: Option<u64>,
}

impl Offer {
    /// Reads an element of `accepts`. `None` if the agent does not know its scheme or network.
    ///
    /// # Errors Returns the member that differs from the pinned value or cannot be read.
    fn read(value: Value<'_>, version: Version) -> Result<Option<Self>, &'static str> {
        let members = value.as_object().ok_or("accepts")?;
        let text = |name: &str| members.get(name).and_then(Value::to_text);
        let network = text("network").and_then(|name| Network::parse(&name));
        let (Some("exact"), Some(network)) = (text("scheme").as_deref(), network) else {
            return Ok(None);
        };
        let amount = match version {
            Version::V1 => text("maxAmountRequired").ok_or("maxAmountRequired")?,
            Version::V2 => text("amount").ok_or("amount")?,
        };
        let digits = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
        let amount = amount.parse::<u64>().ok().filter(|_| digits);
        let amount = amount
            .filter(|amount| (1..=MAX_AMOUNT).contains(amount))
            .ok_or("amount")?;
        if !same_address(network, &text("asset").ok_or("asset")?, network.usdc()) {
            return Err("asset");
        }
        let pay_to = normal_address(network, &text("payTo").ok_or("payTo")?).ok_or("payTo")?;
        let timeout = members.get("maxTimeoutSeconds").and_then(Value::as_integer);
        let timeout_s = timeout.and_then(|seconds| u64::try_from(seconds).ok());
        let timeout_s = timeout_s.ok_or("maxTimeoutSeconds")?;
        let extra = members.get("extra").and_then(Value::as_object);
        let extra = |name: &str| extra.as_ref().and_then(|members| members.get(name));
        let extra_text = |name: &str| extra(name).and_then(Value::to_text);
        for name in ["decimals", "assetDecimals"] {
            let named = extra(name);
            if named.is_some_and(|value| value.as_integer() != Some(DECIMALS)) {
                return Err("extra.decimals");
            }
        }
        if network.family() == Family::Evm {
            // Otherwise a wallet would sign under a domain that is not the token's.
            for (name, pinned, place) in [
                ("name", network.domain_name(), "extra.name"),
                ("version", Network::DOMAIN_VERSION, "extra.version"),
            ] {
                if extra(name).is_some_and(|value| !value.is_str(pinned)) {
                    return Err(place);
                }
            }
            let method = extra("assetTransferMethod");
            if method.is_some_and(|method| !method.is_str("eip3009")) {
                return Ok(None);
            }
        }
        let height = extra("lastValidBlockHeight");
        let height = height.and_then(|value| match value.as_str() {
            Some(text) => text.parse().ok(),
            None => u64::try_from(value.as_integer()?).ok(),
        });
        Ok(Some(Self {
            raw: value.raw().to_owned(),
            network,
            amount,
            pay_to,
            timeout_s,
            fee_payer: extra_text("feePayer"),
            memo: extra_text("memo"),
            blockhash: extra_text("recentBlockhash"),
            last_valid_block_height: height,
        }))
    }
}

/// Returns an address in the chain's own spelling. `None` if it is not an address.
#[must_use]
pub fn normal_address(network: Network, text: &str) -> Option<String> {
    Some(match network.family() {
        Family::Evm => evm::Address::parse(text)?.text(),
        Family::Solana => solana::Address::parse(text)?.text(),
    })
}

/// Returns whether two texts are the same address.
#[must_use]
pub fn same_address(network: Network, one: &str, other: &str) -> bool {
    let one = normal_address(network, one);
    one.is_some() && one == normal_address(network, other)
}

/// The content of a 402.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The version of the protocol that the challenge uses.
    pub version: Version,
    /// The offers that the agent understands, in the server's order.
    pub offers: Vec<Offer>,
    /// The invalid member of the first offer that was refused, if one was.
    pub refused: Option<&'static str>,
    /// Version 2's `resource`, in its original text.
    resource: Option<String>,
    /// The method that `resource` names.
    pub method: Option<String>,
    /// Version 2's `extensions`, in their original text.
    extensions: Option<String>,
}

impl Challenge {
    /// Reads a 402: the header, or the body if there is no header.
    ///
    /// # Errors Returns the member that cannot be read.
    pub fn read(header: Option<&str>, body: &str) -> Result<Self, &'static str> {
        let decoded;
        let (version, text) = match header {
            Some(header) => {
                decoded = from_base64(header).ok_or("PAYMENT-REQUIRED")?;
                (Version::V2, decoded.as_slice())
            }
            None => (Version::V1, body.as_bytes()),
        };
        let value = Value::parse(text).map_err(|_| "JSON")?;
        let number = if version == Version::V2 { 2 } else { 1 };
        let said = value.get("x402Version").and_then(Value::as_integer);
        if said != Some(number) {
            return Err("x402Version");
        }
        let accepts = value
            .get("accepts")
            .and_then(Value::as_array)
            .ok_or("accepts")?;
        let mut offers = Vec::new();
        let mut refused = None;
        for offer in accepts {
            match Offer::read(offer, version) {
                Ok(offer) => offers.extend(offer),
                Err(member) => refused = refused.or(Some(member)),
            }
        }
        let raw = |name| value.get(name).filter(|value| value.is_object());
        let resource = raw("resource");
        let method = resource.and_then(|resource| resource.get("method")?.to_text());
        Ok(Self {
            version,
            offers,
            refused,
            resource: resource.map(|value| value.raw().to_owned()),
            method,
            extensions: raw("extensions").map(|value| value.raw().to_owned()),
        })
    }

    /// Returns the value of the payment header.
    #[must_use]
    pub fn header(&self, offer: &Offer, payload: &str, id: &str) -> String {
        let text = match self.version {
            Version::V1 => [
                r#"{"x402Version":1,"scheme":"exact","network":""#,
                offer.network.name(),
                r#"","payload":"#,
                payload,
                "}",
            ]
            .concat(),
            Version::V2 => {
                let mut text = String::from(r#"{"x402Version":2,"#);
                if let Some(resource) = &self.resource {
                    text.push_str(&[r#""resource":"#, resource, ","].concat());
                }
                text.push_str(&[r#""accepted":"#, &offer.raw, r#","payload":"#, payload].concat());
                if let Some(extensions) = &self.extensions {
                    text.push_str(r#","extensions":"#);
                    text.push_str(&extended(extensions, id));
                }
                text.push('}');
                text
            }
        };
        to_base64(text.as_bytes())
    }
}

/// Returns the extensions as the server wrote them, with the payment's id if the server asks for
/// it.
fn extended(extensions: &str, id: &str) -> String {
    let echoed = || extensions.to_owned();
    let Some(members) = json_object(extensions.as_bytes()) else {
        return echoed();
    };
    let Some(identifier) = members.get(PAYMENT_IDENTIFIER) else {
        return echoed();
    };
    let info = identifier.get("info").and_then(Value::as_object);
    let Some(info) = info else { return echoed() };
    let join = |members: Vec<String>| ["{", &members.join(","), "}"].concat();
    let others = |object: &crate::json::Object<'_>, name: &str| -> Vec<String> {
        let members = object.members().filter(|(key, _)| !key.is_str(name));
        members
            .map(|(key, value)| [key.raw(), ":", value.raw()].concat())
            .collect()
    };
    let mut new_info = others(&info, "id");
    new_info.push([r#""id":"#, &quote(id)].concat());
    let Some(identifier) = identifier.as_object() else {
        return echoed();
    };
    let mut new_identifier = others(&identifier, "info");
    new_identifier.push([r#""info":"#, &join(new_info)].concat());
    let mut all = others(&members, PAYMENT_IDENTIFIER);
    all.push(["\"", PAYMENT_IDENTIFIER, "\":", &join(new_identifier)].concat());
    join(all)
}

/// Returns the `payload` of a payment on Base. With `parts` the signature is `{ v, r, s }`, as an
/// older page of Gwop describes it.
#[must_use]
pub fn evm_payload(authorization: &evm::Authorization, signature: &[u8], parts: bool) -> String {
    let json = authorization.json();
    if let (true, Some((r, rest))) = (
        parts && signature.len() == 65,
        signature.split_at_checked(32),
    ) && let Some((s, [v])) = rest.split_at_checked(32)
    {
        let (r, s) = (to_hex(r), to_hex(s));
        let v = decimal(u64::from(*v));
        let rs = [r#","r":"0x"#, &r, r#"","s":"0x"#, &s].concat();
        return [
            r#"{"signature":{"v":"#,
            &v,
            &rs,
            r#""},"authorization":"#,
            &json,
            "}",
        ]
        .concat();
    }
    let signature = to_hex(signature);
    [
        r#"{"signature":"0x"#,
        &signature,
        r#"","authorization":"#,
        &json,
        "}",
    ]
    .concat()
}

/// Returns the `payload` of a payment on Solana.
#[must_use]
pub fn solana_payload(message: &[u8], signature: &[u8; 64]) -> String {
    let transaction = to_base64(&solana::transaction(message, signature));
    [r#"{"transaction":""#, &transaction, r#""}"#].concat()
}

/// What the header of a response says about a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Whether the money has moved, according to the server.
    pub success: bool,
    /// The transaction, if the header names it.
    pub transaction: Option<String>,
    /// The reason of a failure, if it is a plain word.
    pub reason: Option<String>,
}

impl Settlement {
    /// Reads `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`, in the shape of x402 or of Gwop's pages.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let bytes = from_base64(header)?;
        let members = json_object(&bytes)?;
        let text = |name: &str| members.get(name).and_then(Value::to_text);
        let transaction = text("transaction").or_else(|| text("paid_tx_hash"));
        let transaction = transaction.filter(|text| is_transaction(text));
        let success = match members.get("success") {
            Some(success) => success.as_bool() == Some(true),
            None => members.get("paid_tx_hash").is_some(),
        };
        Some(Self {
            success,
            transaction,
            reason: text("errorReason").and_then(plain_reason),
        })
    }
}

/// Returns whether a text can be the hash or signature of a transaction.
#[must_use]
pub fn is_transaction(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns a server's reason if it is a plain word of the protocol. Any other text could repeat
/// what was sent to the server.
#[must_use]
pub fn plain_reason(text: String) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = (3..=90).contains(&text.len()) && text.bytes().all(plain) && digits <= 8;
    is_plain.then_some(text)
}
