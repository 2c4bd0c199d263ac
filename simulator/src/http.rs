//! Requests and responses, as plain values.

use crate::config::{IDENTITY_HOST, INVOICE_HOST};
use crate::error::ApiError;
use serde::{Deserialize, Serialize};

/// A request to either of Gwop's hosts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes; empty when there is none.
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// What the driver does next for a request.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum HandleResult {
    /// Send this.
    Respond(Reply),
    /// Make an RSA key (2048 bits, RSASSA-PKCS1-v1_5 with SHA-256), hand its public half over with
    /// [`Command::AddKey`](crate::Command::AddKey) and handle the request again.
    NeedsKey {
        /// The new key's id.
        kid: String,
    },
    /// Sign and hand the signature to [`Simulator::complete`](crate::Simulator::complete).
    #[serde(rename_all = "camelCase")]
    NeedsSignature {
        /// Which response waits.
        ticket: u32,
        /// The key to sign with.
        kid: String,
        /// The JWS signing input, ASCII.
        signing_input: String,
    },
}

/// A response, and how it travels.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers; lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// Wait so long before responding, in real milliseconds.
    pub delay_ms: u64,
    /// Fail the connection instead of responding.
    pub lost: bool,
    /// Warn the person who runs this.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<&'static str>,
    /// Send the body in pieces.
    pub slow_body: Option<SlowBody>,
}

/// A body that trickles.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlowBody {
    /// Bytes per piece.
    pub chunk_bytes: u32,
    /// Real milliseconds between pieces.
    pub interval_ms: u64,
}

impl Request {
    /// The value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Host, path and query of the URL.
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

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    host: &'a str,
    /// The path without its first slash.
    path: &'a str,
    query: &'a str,
}

impl Target<'_> {
    /// The path's segments, percent-decoded; `None` when one cannot be decoded.
    #[must_use]
    pub fn segments(&self) -> Option<Vec<String>> {
        self.path.split('/').map(percent_decode).collect()
    }

    /// Whether the host serves invoices: every host but the identity host.
    #[must_use]
    pub fn serves_invoices(&self) -> bool {
        self.host != IDENTITY_HOST
    }

    /// Whether the host serves identity: every host but the invoice host.
    #[must_use]
    pub fn serves_identity(&self) -> bool {
        self.host != INVOICE_HOST
    }

    /// The query's parameters.
    ///
    /// # Errors
    /// A parameter that `known` does not name, one given twice, or one that cannot be decoded.
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
