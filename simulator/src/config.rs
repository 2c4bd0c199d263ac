//! Options of a simulator.

use crate::control::CommandError;
use serde::{Deserialize, Serialize};

/// The public host of the invoice operations.
pub const INVOICE_HOST: &str = "agents.gwop.io";
/// The public host of the identity operations.
pub const IDENTITY_HOST: &str = "identity.gwop.io";

/// The longest time that an option or a command may name, in milliseconds: about 31 years.
pub const MAX_MS: u64 = 1_000_000_000_000;

/// Options, as JavaScript hands them over (camelCase JSON). Every field has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Start of the identifiers' sequence: the same seed gives the same identifiers.
    pub seed: u64,
    /// The merchants; the first is the default one of every command. At least one.
    pub merchants: Vec<Merchant>,
    /// Where payment, recovery and status URLs point to, without a final slash.
    pub agents_url: String,
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens; absent by default.
    pub audience: Option<String>,
    /// How long an auth intent can be paid, in seconds.
    pub auth_intent_ttl_seconds: u64,
    /// How long an access token is valid, in seconds.
    pub access_token_ttl_seconds: u64,
    /// How long a session is active, in seconds.
    pub session_ttl_seconds: u64,
    /// How long a payment stays in PAYING, in milliseconds of the simulator's clock; 0 settles within the request.
    pub settlement_delay_ms: u64,
    /// Waits before the second, third, … attempt of a webhook, in milliseconds of the simulator's clock.
    pub webhook_retry_delays_ms: Vec<u64>,
    /// Status of `INVOICE_CANCEL_NOT_ALLOWED`: 400, or 409 as in Gwop's older documents.
    pub cancel_not_allowed_status: u16,
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
    /// Where webhooks go; without it events are recorded and not sent.
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
        }
    }
}

impl Merchant {
    /// Checks the fields against each other and against `others`.
    ///
    /// # Errors
    /// Says which field is wrong and what was expected; the key and the secret are not repeated.
    pub fn check(&self, others: &[Merchant]) -> Result<(), CommandError> {
        let wrong = |message: &str| Err(CommandError::new("INVALID_OPTION", message));
        if self.id.is_empty() {
            return wrong("a merchant's `id` is empty: give a UUID");
        }
        if !self.api_key.starts_with("sk_m_") || self.api_key.len() <= "sk_m_".len() {
            return wrong("a merchant's `apiKey` must start with `sk_m_` and go on after it");
        }
        if self.webhook_secret.is_empty() {
            return wrong(
                "a merchant's `webhookSecret` is empty: give a string such as `whsec_local`",
            );
        }
        if others.iter().any(|other| other.id == self.id) {
            return wrong("two merchants have the same `id`: give each its own");
        }
        if others.iter().any(|other| other.api_key == self.api_key) {
            return wrong("two merchants have the same `apiKey`: give each its own");
        }
        Ok(())
    }
}

impl Config {
    /// Checks every option.
    ///
    /// # Errors
    /// Says which option is wrong and what was expected.
    pub fn check(&self) -> Result<(), CommandError> {
        let wrong = |message: String| Err(CommandError::new("INVALID_OPTION", message));
        if self.merchants.is_empty() {
            return wrong("`merchants` is empty: give at least one".into());
        }
        for (index, merchant) in self.merchants.iter().enumerate() {
            merchant.check(self.merchants.get(..index).unwrap_or_default())?;
        }
        if !(self.agents_url.starts_with("http://") || self.agents_url.starts_with("https://"))
            || self.agents_url.ends_with('/')
        {
            return wrong(
                "`agentsUrl` must start with http:// or https:// and not end with a slash".into(),
            );
        }
        for (name, seconds) in [
            ("authIntentTtlSeconds", self.auth_intent_ttl_seconds),
            ("accessTokenTtlSeconds", self.access_token_ttl_seconds),
            ("sessionTtlSeconds", self.session_ttl_seconds),
        ] {
            if seconds == 0 || seconds > MAX_MS / 1_000 {
                return wrong(format!("`{name}` must be 1 to {} seconds", MAX_MS / 1_000));
            }
        }
        let delays = self.webhook_retry_delays_ms.iter();
        if delays
            .chain([&self.settlement_delay_ms])
            .any(|&ms| ms > MAX_MS)
        {
            return wrong(format!(
                "`settlementDelayMs` and `webhookRetryDelaysMs` go up to {MAX_MS} milliseconds"
            ));
        }
        if !matches!(self.cancel_not_allowed_status, 400 | 409) {
            return wrong("`cancelNotAllowedStatus` must be 400 or 409".into());
        }
        Ok(())
    }
}
