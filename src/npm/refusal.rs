//! How errors cross to JavaScript: as plain objects. An object of the wasm would live until
//! somebody frees it.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::client::{self, RefusalCode};
use crate::token;
use crate::webhook;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Why something was refused. Thrown as a plain object, never as an `Error`. */
export interface Refusal {
  /** The stable code, such as `TOKEN_EXPIRED`. */
  readonly code: string;
  /** What was wrong, what was expected and what to do. Holds no secret, token or payload. */
  readonly message: string;
  /** The HTTP status to answer a refused webhook with. */
  readonly status?: number;
}
"#;

#[derive(Serialize)]
struct Refusal<'r> {
    code: &'r str,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// Returns the plain object `{ code, message }`.
fn refusal(code: &str, message: &str) -> JsValue {
    object(&Refusal {
        code,
        message,
        status: None,
    })
}

/// Returns a plain object with named fields.
pub(super) fn object(fields: &impl Serialize) -> JsValue {
    // The fields are strings, numbers, booleans and JavaScript values. None of them can fail.
    serde_wasm_bindgen::to_value(fields).unwrap_or(JsValue::UNDEFINED)
}

/// Returns the error for an argument that is not as declared.
///
/// TypeScript checks the values of its callers, so this is a defect of the package.
pub(super) fn bad_argument(message: &str) -> JsValue {
    refusal(RefusalCode::Argument.as_str(), message)
}

impl From<webhook::Rejection> for JsValue {
    fn from(rejection: webhook::Rejection) -> Self {
        object(&Refusal {
            code: rejection.code.as_str(),
            message: &rejection.message,
            status: Some(rejection.code.http_status()),
        })
    }
}

impl From<token::Rejection> for JsValue {
    fn from(rejection: token::Rejection) -> Self {
        refusal(rejection.code.as_str(), rejection.message)
    }
}

impl From<client::Refusal> for JsValue {
    fn from(refused: client::Refusal) -> Self {
        refusal(refused.code.as_str(), &refused.message)
    }
}
