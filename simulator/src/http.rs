//! Requests and responses, as plain values.

use crate::config::{IDENTITY_HOST, INVOICE_HOST};
use crate::error::ApiError;
use serde::{Deserialize, Serialize};

/// A request to either of Gwop's hosts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The full URL.
    pub url: String,
    /// The headers, with names in any case.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body. Empty if there is none.
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// What the driver does next with a request.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum HandleResult {
    /// Send this response.
    Respond(Reply),
    /// Create an RSA key (2048 bits, RSASSA-PKCS1-v1_5 with SHA-256), pass its public half with
    /// [`Command::AddKey`](crate::Command::AddKey) and handle the request again.
    NeedsKey {
        /// The new key's id.
        kid: String,
    },
    /// Sign, and pass the signature to [`Simulator::complete`](crate::Simulator::complete).
    #[serde(rename_all = "camelCase")]
    NeedsSignature {
        /// Identifies the response that waits.
        ticket: u32,
        /// The key to sign with.
        kid: String,
        /// The JWS signing input, ASCII.
        signing_input: String,
    },
}

/// A response, and how to send it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// How long to wait before responding, in real milliseconds.
    pub delay_ms: u64,
    /// Whether to fail the connection instead of responding.
    pub lost: bool,
    /// Warnings for the person who runs the simulator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<&'static str>,
    /// If set, send the body in pieces.
    pub slow_body: Option<SlowBody>,
}

/// The pace of a body that is sent slowly.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlowBody {
    /// Bytes per piece.
    pub chunk_bytes: u32,
    /// Real milliseconds between pieces.
    pub interval_ms: u64,
}

impl Request {
    /// Returns the value of a header. `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the host, path and query of the URL.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        let rest = self
            .url
            .split_once("://")
            .map_or(self.url.as_str(), |(_, rest)| rest);
        let rest = rest.split('#').next().unwrap_or(rest);
        let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = location.split_once('/').unwrap_or((location, ""));
        Target { host, path, query }
    }
}

/// The host, path and query of a request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    host: &'a str,
    /// The path without its first slash.
    path: &'a str,
    query: &'a str,
}

impl Target<'_> {
    /// Returns the percent-decoded segments of the path. `None` if one cannot be decoded.
    #[must_use]
    pub fn segments(&self) -> Option<Vec<String>> {
        self.path.split('/').map(percent_decode).collect()
    }

    /// Returns whether the host serves invoices: every host except the identity host.
    #[must_use]
    pub fn serves_invoices(&self) -> bool {
        self.host != IDENTITY_HOST
    }

    /// Returns whether the host serves identity: every host except the invoice host.
    #[must_use]
    pub fn serves_identity(&self) -> bool {
        self.host != INVOICE_HOST
    }

    /// Returns the parameters of the query.
    ///
    /// # Errors Returns an error for a parameter that is not in `known`, is given twice or cannot
    /// be decoded.
    pub fn query(&self, known: &[&str]) -> Result<Vec<(String, String)>, ApiError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in self.query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (query_decode(name), query_decode(value)) else {
                return Err(ApiError::invalid("query", "percent-encoded UTF-8"));
            };
            if !known.contains(&name.as_str()) {
                let expected = match known {
                    [] => "none: this path takes no query".into(),
                    known => format!("one of: {}", known.join(", ")),
                };
                return Err(ApiError::invalid(
                    &format!("query parameter {name}"),
                    &expected,
                ));
            }
            if parameters.iter().any(|(other, _)| *other == name) {
                return Err(ApiError::invalid(&name, "to be given once"));
            }
            parameters.push((name, value));
        }
        Ok(parameters)
    }
}

fn query_decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            u8::try_from(high << 4 | low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        Request {
            url: url.into(),
            ..Request::default()
        }
    }

    #[test]
    fn reads_path_and_query() {
        let request = request("https://agents.gwop.io/v1/invoices/a%2Fb?limit=2&status=PA%49D#x");
        let target = request.target();
        assert_eq!(target.segments().unwrap(), ["v1", "invoices", "a/b"]);
        assert_eq!(
            target.query(&["limit", "status"]).unwrap(),
            [
                ("limit".into(), "2".into()),
                ("status".into(), "PAID".into())
            ]
        );
        assert!(target.query(&["limit"]).is_err());
        assert!(target.serves_invoices() && !target.serves_identity());
        let refused = target.query(&[]).unwrap_err();
        let message = refused.body("req_1")["error"]["message"].to_string();
        assert!(
            message.contains("expected none: this path takes no query"),
            "{message}"
        );
    }

    #[test]
    fn refuses_broken_encoding() {
        assert!(request("http://x/%f").target().segments().is_none());
        assert!(request("http://x/%ff").target().segments().is_none());
        assert!(request("http://x/?a=%zz").target().query(&["a"]).is_err());
        assert!(request("http://x/?a=1&a=2").target().query(&["a"]).is_err());
    }
}
