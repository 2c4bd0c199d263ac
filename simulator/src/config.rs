//! The options of a simulator.

use crate::command_error::CommandError;
use crate::payment::Mode;
use crate::payment::base::Address;
use serde::{Deserialize, Serialize};

/// The public host of the invoice operations.
pub const INVOICE_HOST: &str = "agents.gwop.io";
/// The public host of the identity operations.
pub const IDENTITY_HOST: &str = "identity.gwop.io";

/// The longest time that an option or a command accepts, in milliseconds: about 31 years.
pub const MAX_MS: u64 = 1_000_000_000_000;

/// The options, as camelCase JSON from JavaScript. Every field has a default.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The seed of the identifiers. The same seed gives the same identifiers.
    pub seed: u64,
    /// The merchants, at least one. The first is the default of every command.
    pub merchants: Vec<Merchant>,
    /// The base of payment, recovery and status URLs, without a final slash.
    pub agents_url: String,
    /// The `iss` claim of access tokens.
    pub issuer: String,
    /// The `aud` claim of access tokens. Absent by default.
    pub audience: Option<String>,
    /// How long an auth intent can be paid, in seconds.
    pub auth_intent_ttl_seconds: u64,
    /// How long an access token is valid, in seconds.
    pub access_token_ttl_seconds: u64,
    /// How long a session is active, in seconds.
    pub session_ttl_seconds: u64,
    /// How long a payment stays in PAYING, in milliseconds of the simulator's clock. With 0 it
    /// settles within the request.
    pub settlement_delay_ms: u64,
    /// The waits before the second, third, … attempt of a webhook, in milliseconds of the
    /// simulator's clock.
    pub webhook_retry_delays_ms: Vec<u64>,
    /// The status of `INVOICE_CANCEL_NOT_ALLOWED`: 400, or 409 as in Gwop's older documents.
    pub cancel_not_allowed_status: u16,
    /// How x402 payments are judged.
    pub x402: Mode,
    /// Wallets on Base that are contracts. All their signatures are accepted.
    pub smart_wallets: Vec<String>,
    /// Whether an `Idempotency-Key` that is not a UUID v4 is refused.
    pub strict_idempotency_keys: bool,
    /// The order of `invoices.list`, which Gwop does not document.
    pub list_order: ListOrder,
    /// Whether the list shows when, on which chain and by which transaction an invoice was paid.
    /// All three may be absent (contract).
    pub list_payments: bool,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListOrder {
    /// By creation time, newest first.
    #[default]
    NewestFirst,
    /// By creation time, oldest first.
    OldestFirst,
    /// By identifier, which is independent of the time. The order is the same in each response.
    Random,
}

/// A merchant account.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Merchant {
    /// The merchant id (a UUID): `merchant_id` of invoices and `mid` of tokens.
    pub id: String,
    /// Name shown on public invoices.
    #[serde(default = "default_name")]
    pub name: String,
    /// Whether public invoices show the merchant as verified.
    #[serde(default = "default_verified")]
    pub verified: bool,
    /// The merchant key, `sk_m_…`.
    pub api_key: String,
    /// The webhook secret, `whsec_…`.
    pub webhook_secret: String,
    /// The URL that receives webhooks. Without it, events are recorded and not sent.
    #[serde(default)]
    pub webhook_url: Option<String>,
}

impl core::fmt::Debug for Merchant {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Merchant")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("webhook_url", &self.webhook_url)
            .finish_non_exhaustive()
    }
}

fn default_name() -> String {
    "Local merchant".into()
}

fn default_verified() -> bool {
    true
}

impl Default for Merchant {
    fn default() -> Self {
        Self {
            id: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163".into(),
            name: default_name(),
            verified: default_verified(),
            api_key: "sk_m_simulator".into(),
            webhook_secret: "whsec_simulator".into(),
            webhook_url: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            merchants: vec![Merchant::default()],
            agents_url: format!("https://{INVOICE_HOST}"),
            issuer: format!("https://{IDENTITY_HOST}"),
            audience: None,
            auth_intent_ttl_seconds: 600,
            access_token_ttl_seconds: 3_600,
            session_ttl_seconds: 86_400,
            settlement_delay_ms: 0,
            webhook_retry_delays_ms: vec![1_000, 5_000, 30_000, 120_000, 600_000],
            cancel_not_allowed_status: 400,
            x402: Mode::Standard,
            smart_wallets: Vec::new(),
            strict_idempotency_keys: false,
            list_order: ListOrder::default(),
            list_payments: true,
        }
    }
}

/// What [`is_http_url`] accepts, for error messages.
pub(crate) const HTTP_URL: &str = "an http:// or https:// URL";

/// Returns whether a text is an absolute URL that a request can go to.
pub(crate) fn is_http_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    rest.is_some_and(|rest| visible(rest) && !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
}

/// Returns whether a text is a UUID of any version, in any case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Merchant {
    /// Checks the fields against each other and against `others`. Errors prefix the field with
    /// `place`, such as `merchants[0].`.
    ///
    /// # Errors Returns the invalid field and what was expected. The key and the secret are never
    /// repeated.
    pub fn check(&self, place: &str, others: &[Self]) -> Result<(), CommandError> {
        let wrong = |field: &str, expected: &str| {
            Err(CommandError::invalid(&format!("{place}{field}"), expected))
        };
        if !is_uuid(&self.id) {
            return wrong("id", "a UUID, such as 9e9c9ba5-3bab-4172-8a79-336f9ca0f163");
        }
        let key = self.api_key.strip_prefix("sk_m_").unwrap_or_default();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong(
                "apiKey",
                "`sk_m_` and, after it, visible ASCII characters without spaces",
            );
        }
        if self.webhook_secret.is_empty() {
            return wrong(
                "webhookSecret",
                "a string that is not empty, such as `whsec_local`",
            );
        }
        if !self.webhook_url.as_deref().is_none_or(is_http_url) {
            return wrong("webhookUrl", HTTP_URL);
        }
        if others.iter().any(|other| other.id == self.id) {
            return wrong("id", "one that no other merchant has");
        }
        if others.iter().any(|other| other.api_key == self.api_key) {
            return wrong("apiKey", "one that no other merchant has");
        }
        Ok(())
    }
}

impl Config {
    /// Checks every option.
    ///
    /// # Errors Returns the invalid option and what was expected.
    pub fn check(&self) -> Result<(), CommandError> {
        let wrong = |field: &str, expected: &str| Err(CommandError::invalid(field, expected));
        if self.merchants.is_empty() {
            return wrong("merchants", "at least one");
        }
        for (index, merchant) in self.merchants.iter().enumerate() {
            let others = self.merchants.get(..index).unwrap_or_default();
            merchant.check(&format!("merchants[{index}]."), others)?;
        }
        if !is_http_url(&self.agents_url) || self.agents_url.ends_with('/') {
            return wrong(
                "agentsUrl",
                &format!("{HTTP_URL} without a slash at its end"),
            );
        }
        for (field, seconds) in [
            ("authIntentTtlSeconds", self.auth_intent_ttl_seconds),
            ("accessTokenTtlSeconds", self.access_token_ttl_seconds),
            ("sessionTtlSeconds", self.session_ttl_seconds),
        ] {
            if seconds == 0 || seconds > MAX_MS / 1_000 {
                return wrong(field, &format!("1 to {} seconds", MAX_MS / 1_000));
            }
        }
        let up_to = format!("at most {MAX_MS} milliseconds");
        if self.settlement_delay_ms > MAX_MS {
            return wrong("settlementDelayMs", &up_to);
        }
        let delays = &self.webhook_retry_delays_ms;
        if let Some(index) = delays.iter().position(|&ms| ms > MAX_MS) {
            return wrong(&format!("webhookRetryDelaysMs[{index}]"), &up_to);
        }
        if !matches!(self.cancel_not_allowed_status, 400 | 409) {
            return wrong("cancelNotAllowedStatus", "400 or 409");
        }
        let no_wallet = |wallet: &String| Address::from_hex(wallet).is_none();
        if let Some(index) = self.smart_wallets.iter().position(no_wallet) {
            let expected = "an address on Base: 0x and 40 hexadecimal digits";
            return wrong(&format!("smartWallets[{index}]"), expected);
        }
        Ok(())
    }
}
