//! Reads the settings, targets and replies that JavaScript passes as JSON.

use crate::attempt::Attempt;
use crate::bytes::{from_hex, json_object};
use crate::challenge::normal_address;
use crate::failure::{Failure, Phase, Result};
use crate::invoice::Intent;
use crate::json::Value;
use crate::limits::{Limits, Refusal};
use crate::network::{Family, Network};
use crate::pay::{Options, Settings, Target, Wallet};
#[allow(unused_imports)]
use crate::prelude::*;
use crate::task::{Reply, Response};
use crate::url::Origin;

fn invalid(field: &str, expected: &str) -> Box<Failure> {
    let message = ["`", field, "`: expected ", expected, ". Nothing was done"].concat();
    Failure::new("INVALID_OPTION", Phase::Discover, &message)
}

/// Reads a JavaScript number that has to be an integer of 0 or more.
fn whole(value: Value<'_>) -> Option<u64> {
    u64::try_from(value.as_integer()?).ok()
}

impl Reply {
    /// Reads a reply. A reply that cannot be read becomes [`Reply::Failed`], because a journal or
    /// signer that returns invalid data has failed.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self::of(text).unwrap_or(Self::Failed)
    }

    fn of(text: &str) -> Option<Self> {
        let members = json_object(text.as_bytes())?;
        let (name, value) = members.members().next()?;
        Some(match name.as_str()?.as_ref() {
            "answer" => {
                let text = |name| value.get(name).and_then(Value::to_text);
                Self::Response(Response {
                    status: u16::try_from(value.get("status")?.as_integer()?).ok()?,
                    date: value.get("date").and_then(whole),
                    required: text("required"),
                    payment_response: text("response"),
                    body: text("body").unwrap_or_default(),
                })
            }
            "lost" => Self::Lost,
            "attempt" if value.is_null() => Self::Attempt(None),
            "attempt" => Self::Attempt(Some(Box::new(Attempt::read(value)?))),
            "reserved" if value.is_str("reserved") => Self::Reserved(Ok(())),
            "reserved" => {
                value.as_object()?;
                Self::Reserved(Err(Box::new(Refusal::read(value))))
            }
            "attempts" => {
                let attempts = value.as_array()?.into_iter().map(Attempt::read);
                Self::Attempts(attempts.collect::<Option<_>>()?)
            }
            "yes" => Self::Yes(value.as_bool()?),
            "bytes" => Self::Bytes(from_hex(&value.as_str()?)?),
            "blockhash" => {
                let height = value.get("lastValidBlockHeight").and_then(whole);
                Self::Blockhash(value.get("blockhash")?.to_text()?, height)
            }
            "height" => Self::Height(whole(value)?),
            "done" => Self::Done,
            _ => return None,
        })
    }
}

impl Settings {
    /// Reads the settings of an agent.
    ///
    /// # Errors Returns `INVALID_OPTION` with the option's name.
    pub fn read(text: &str) -> Result<Self> {
        let value = json(text, "options")?;
        let server = |name: &str, expected: &str| {
            let url = value.get(name).and_then(Value::to_text).unwrap_or_default();
            let url = url.trim_end_matches('/').to_owned();
            let safe = Origin::of(&url).is_some_and(|origin| origin.is_safe());
            safe.then_some(url).ok_or_else(|| invalid(name, expected))
        };
        let number = |name: &str, most: u64| {
            let number = value
                .get(name)
                .and_then(whole)
                .filter(|number| *number <= most);
            number.ok_or_else(|| invalid(name, "a whole number within its limits"))
        };
        let flag = |name: &str| value.get(name).and_then(Value::as_bool) == Some(true);
        let limits = value
            .get("limits")
            .ok_or_else(|| invalid("limits", "an object"))?;
        let amounts = "a known limit: whole atomic units of USDC, or { amount, seconds }";
        let limits = Limits::read(limits).map_err(|field| invalid(&field, amounts))?;
        let mut wallets = Vec::new();
        for wallet in value
            .get("wallets")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            let family = wallet.get("family");
            let family = match family.is_some_and(|family| family.is_str("solana")) {
                true => Family::Solana,
                false => Family::Evm,
            };
            let network = match family {
                Family::Evm => Network::Base,
                Family::Solana => Network::Solana,
            };
            let address = wallet
                .get("address")
                .and_then(Value::to_text)
                .unwrap_or_default();
            let address = normal_address(network, &address);
            let address =
                address.ok_or_else(|| invalid("signers", "signers with a wallet address"))?;
            wallets.push(Wallet { family, address });
        }
        let url = "https, or http on this machine";
        Ok(Self {
            server: server("serverURL", url)?,
            identity: server("identityURL", url)?,
            limits,
            wallets,
            wait_ms: number("waitMs", 86_400_000)?,
            validity_s: number("validitySeconds", 86_400)?,
            signature_parts: flag("signatureParts"),
            approves: flag("approves"),
            has_height: flag("hasHeight"),
        })
    }
}

impl Target {
    /// Reads `{ invoice }`, `{ login }` or `{ fetch: { key, method, url, anew } }`.
    ///
    /// # Errors Returns `INVALID_OPTION`.
    pub fn read(text: &str) -> Result<Self> {
        let value = json(text, "target")?;
        if let Some(id) = value.get("invoice") {
            let id = id.to_text().unwrap_or_default();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            let good = id.starts_with("inv_") && id.len() <= 128 && id.bytes().all(plain);
            return match good {
                true => Ok(Self::Invoice(id)),
                false => Err(invalid("invoiceId", "the public id of an invoice, `inv_…`")),
            };
        }
        if let Some(intent) = value.get("login") {
            let intent = Intent::read(intent.raw());
            return intent.map(Self::Login).map_err(|member| {
                invalid(
                    &["intent.", member].concat(),
                    "an auth intent as its merchant got it",
                )
            });
        }
        let fetch = value.get("fetch");
        let text = |name| fetch.and_then(|fetch| fetch.get(name)?.to_text());
        match (text("key"), text("method"), text("url")) {
            (Some(key), Some(method), Some(url)) => {
                let anew = fetch.and_then(|fetch| fetch.get("anew")?.as_bool()) == Some(true);
                Ok(Self::Fetch {
                    key,
                    method,
                    url,
                    anew,
                })
            }
            _ => Err(invalid("target", "what is to be paid for")),
        }
    }
}

/// Reads the JSON of the argument `name`.
#[inline(never)] // Once in the module.
fn json<'t>(text: &'t str, name: &str) -> Result<Value<'t>> {
    Value::parse(text.as_bytes()).map_err(|_| invalid(name, "JSON"))
}

impl Options {
    /// Reads `{ chain, dryRun }`.
    ///
    /// # Errors Returns `INVALID_OPTION`.
    pub fn read(text: &str) -> Result<Self> {
        let value = json(text, "options")?;
        let network = match value.get("chain").filter(|chain| !chain.is_null()) {
            None => None,
            Some(chain) => {
                let network = chain.as_str().and_then(|chain| Network::parse(&chain));
                let expected = "base, base-sepolia, solana or solana-devnet";
                Some(network.ok_or_else(|| invalid("chain", expected))?)
            }
        };
        let dry_run = value.get("dryRun").and_then(Value::as_bool) == Some(true);
        Ok(Self { network, dry_run })
    }
}
