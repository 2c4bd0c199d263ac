//! Why something signed did not verify: its own fault, or the platform's.

use wasm_bindgen::JsValue;

use crate::{token, webhook};

use super::log;

/// Why something signed did not verify; `R` says what is wrong with it.
pub enum Failure<R> {
    /// It does not hold, or the keys to tell so cannot be had.
    Rejected(R),
    /// Web Crypto failed.
    Platform(JsValue),
}

impl<R> Failure<R> {
    /// The rejection; `None`, and a log line, where Web Crypto failed.
    pub fn rejection(self) -> Option<R> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Platform(error) => {
                log::error("crypto_failed", &[("error", format!("{error:?}").into())]);
                None
            }
        }
    }
}

impl<R> From<JsValue> for Failure<R> {
    fn from(error: JsValue) -> Self {
        Self::Platform(error)
    }
}

impl From<webhook::Rejection> for Failure<webhook::Rejection> {
    fn from(rejection: webhook::Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<token::Rejection> for Failure<token::Rejection> {
    fn from(rejection: token::Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
