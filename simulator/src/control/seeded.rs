//! What a seed file holds.

use crate::invoice::Status;
use crate::payment::Chain;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a simulator holds at its start, and again after a reset. It has no place for secrets.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Seed {
    /// In this order.
    pub invoices: Vec<NewInvoice>,
    /// In this order.
    pub auth_intents: Vec<NewIntent>,
    /// As `POST /_sim/faults` takes them.
    pub faults: Vec<Map<String, Value>>,
}

/// An invoice to be made.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvoice {
    /// Whose; by default the first merchant's.
    pub merchant_id: Option<String>,
    /// Atomic USDC, without Gwop's fee.
    pub amount_usdc: u64,
    /// Free text.
    pub description: Option<String>,
    /// The merchant's metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Whether the public view shows the metadata.
    pub metadata_public: Option<bool>,
    /// How long it can be paid, in seconds.
    pub expires_in_seconds: Option<u64>,
    /// Where it stands; by default OPEN.
    pub status: Option<Status>,
    /// On which chain it is paid, when it is; by default Base.
    pub chain: Option<Chain>,
}

/// An auth intent to be made.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewIntent {
    /// Whose; by default the first merchant's.
    pub merchant_id: Option<String>,
    /// The wallet that the merchant expects, as in `known_wallet_hint`.
    pub known_wallet_hint: Option<String>,
    /// Whether it is paid.
    #[serde(default)]
    pub paid: bool,
    /// On which chain it is paid, when it is; by default Base.
    pub chain: Option<Chain>,
}
