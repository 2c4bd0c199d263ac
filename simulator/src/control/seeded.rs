//! The contents of a seed file.

use crate::invoice::Status;
use crate::payment::Chain;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The initial contents of a simulator, which a reset restores. It has no fields for secrets.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Seed {
    /// The invoices, created in this order.
    pub invoices: Vec<NewInvoice>,
    /// The auth intents, created in this order.
    pub auth_intents: Vec<NewIntent>,
    /// The faults, in the form that `POST /_sim/faults` takes.
    pub faults: Vec<Map<String, Value>>,
}

/// An invoice to create.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvoice {
    /// The merchant. Default: the first one.
    pub merchant_id: Option<String>,
    /// The amount in atomic units of USDC, without Gwop's fee.
    pub amount_usdc: u64,
    /// A free text.
    pub description: Option<String>,
    /// The merchant's metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Whether the public view shows the metadata.
    pub metadata_public: Option<bool>,
    /// How long it can be paid, in seconds.
    pub expires_in_seconds: Option<u64>,
    /// The status. Default: OPEN.
    pub status: Option<Status>,
    /// The chain it is paid on, if it is paid. Default: Base.
    pub chain: Option<Chain>,
}

/// An auth intent to create.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewIntent {
    /// The merchant. Default: the first one.
    pub merchant_id: Option<String>,
    /// The wallet that the merchant expects, as in `known_wallet_hint`.
    pub known_wallet_hint: Option<String>,
    /// Whether it is paid.
    #[serde(default)]
    pub paid: bool,
    /// The chain it is paid on, if it is paid. Default: Base.
    pub chain: Option<Chain>,
}
