//! How options cross the boundary: with serde-wasm-bindgen, as one struct.

use serde::Deserialize;
use wasm_bindgen::JsValue;

/// Every option of every function. An option that is left out or `undefined` is `None`.
///
/// There is one struct for all functions, because each further struct would add a visitor of the
/// same size.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    // `CallOptions`.
    pub wire: Option<bool>,
    #[serde(rename = "serverURL")]
    pub server_url: Option<String>,
    #[serde(rename = "identityURL")]
    pub identity_url: Option<String>,
    pub user_agent: Option<String>,
    pub timeout_ms: Option<f64>,
    // `RetryOptions`.
    pub most: Option<f64>,
    pub backoff: Option<Box<Self>>,
    pub codes: Option<Vec<String>>,
    pub connection_errors: Option<bool>,
    pub timeouts: Option<bool>,
    // `Backoff`.
    pub initial_interval: Option<f64>,
    pub max_interval: Option<f64>,
    pub exponent: Option<f64>,
    pub max_elapsed_time: Option<f64>,
    // `TokenExpectation`.
    pub merchant_id: Option<String>,
    pub issuer: Option<String>,
    pub audience: Option<Vec<String>>,
    pub clock_tolerance_ms: Option<f64>,
}

impl Given {
    /// Reads an object of options.
    ///
    /// # Errors
    /// When a member is of another kind. The error is empty, because the reason would contain the
    /// value.
    pub fn read(options: JsValue) -> Result<Self, ()> {
        serde_wasm_bindgen::from_value(options).map_err(|_| ())
    }
}
