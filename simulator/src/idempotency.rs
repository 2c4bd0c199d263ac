//! Idempotency keys: a repeated key returns its first successful response again.

use crate::config::is_uuid;
use crate::error::{ApiError, ErrorCode};
use crate::http::Request;
use crate::simulator::{Simulator, StoredResponse, Success};
use serde_json::Value;

impl Simulator {
    /// Returns the response stored under a key.
    pub(crate) fn stored(
        &self,
        merchant_id: &str,
        operation: &'static str,
        key: Option<&str>,
        asked: &Value,
    ) -> Result<Option<Success>, ApiError> {
        let stored = key.and_then(|key| {
            let place = (merchant_id.to_owned(), operation.to_owned(), key.to_owned());
            self.idempotency.get(&place)
        });
        match stored {
            Some(stored) if stored.asked == *asked => Ok(Some(stored.response.clone())),
            Some(_) => Err(ApiError::new(
                ErrorCode::IdempotencyConflict,
                "this Idempotency-Key was used for another auth intent: give every exchange its own",
            )),
            None => Ok(None),
        }
    }

    pub(crate) fn store(
        &mut self,
        merchant_id: String,
        operation: &'static str,
        key: Option<String>,
        asked: Value,
        response: &Success,
    ) {
        if let Some(key) = key {
            let stored = StoredResponse {
                asked,
                response: response.clone(),
            };
            self.idempotency
                .insert((merchant_id, operation.to_owned(), key), stored);
        }
    }

    /// Returns the `Idempotency-Key` header. An empty one counts as absent.
    pub(crate) fn idempotency_key(
        &mut self,
        request: &Request,
    ) -> Result<Option<String>, ApiError> {
        let key = match request.header("idempotency-key") {
            None | Some("") => return Ok(None),
            Some(key) if key.len() <= 255 && key.bytes().all(|byte| byte.is_ascii_graphic()) => key,
            Some(_) => {
                return Err(ApiError::invalid(
                    "Idempotency-Key",
                    "at most 255 visible ASCII characters",
                ));
            }
        };
        if !is_uuid_v4(key) {
            if self.config.strict_idempotency_keys {
                return Err(ApiError::invalid(
                    "Idempotency-Key",
                    "a UUID v4, such as crypto.randomUUID() gives",
                ));
            }
            self.warn(
                "an Idempotency-Key is no UUID v4, as which Gwop documents it (its older pages show free text). \
                 `strictIdempotencyKeys: true` refuses such keys.",
            );
        }
        Ok(Some(key.into()))
    }
}

fn is_uuid_v4(text: &str) -> bool {
    is_uuid(text)
        && text.as_bytes().get(14) == Some(&b'4')
        && matches!(
            text.as_bytes().get(19),
            Some(b'8' | b'9' | b'a' | b'b' | b'A' | b'B')
        )
}
