//! Limits on configuration and on untrusted input. SECURITY.md, "Bounds", lists them with their
//! tests.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use crate::exchange::is_long_enough;
pub use crate::http_auth::{IDENTITY_HEADERS, claims_identity};

/// The default merchant key of the simulator. It is public.
pub const SIMULATOR_MERCHANT_KEY: &str = "sk_m_simulator";
/// The default webhook secret of the simulator. It is public.
pub const SIMULATOR_WEBHOOK_SECRET: &str = "whsec_simulator";

/// The first segments of this Worker's own paths. None of them may be a merchant's key.
const ROUTES: [&str; 10] = [
    "auth",
    "console",
    "events",
    "healthz",
    "invoices",
    "metrics",
    "reconcile",
    "test",
    "upgrade",
    "webhooks",
];
/// The maximum length of a merchant's key, in characters.
const MAX_MERCHANT_KEY: usize = 63;

/// The maximum size of an agent's metadata as JSON, in bytes. It is Gwop's limit for an invoice.
const MAX_METADATA_BYTES: usize = 1024;
/// The maximum depth of objects and lists in an agent's metadata.
const MAX_METADATA_DEPTH: usize = 16;

/// Returns whether a text may be the key of one merchant among several. It may have lowercase
/// letters, digits and dashes, and must not be one of this Worker's own paths.
#[must_use]
pub fn is_merchant_key(text: &str) -> bool {
    let is_good = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_MERCHANT_KEY).contains(&text.len())
        && text.as_bytes().iter().all(is_good)
        && !text.starts_with('-')
        && !ROUTES.contains(&text)
}

/// Returns whether each value has at least `least` characters.
#[must_use]
pub fn are_long_enough(values: &[&str], least: usize) -> bool {
    values.iter().all(|value| is_long_enough(value, least))
}

/// Returns the client that the rate limiter counts: an IPv4 address, or the first 64 bits of an
/// IPv6 address, because one client has all addresses with these bits.
#[must_use]
pub fn client_of(address: &str) -> String {
    let address = address.trim();
    match address
        .parse()
        .map(|address: IpAddr| address.to_canonical())
    {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string() + "/64"
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

/// Returns whether the host is Gwop's own. `hostname` is the one of a parsed URL.
#[must_use]
pub fn is_gwops(hostname: &str) -> bool {
    let host = hostname.strip_suffix('.').unwrap_or(hostname);
    host == "gwop.io" || host.ends_with(".gwop.io")
}

/// Returns whether the host may be called over plain HTTP: it is this machine, or in a private
/// network. `hostname` is the one of a parsed URL, which is lowercase, with IPv4 addresses as four
/// numbers and IPv6 addresses in brackets.
#[must_use]
pub fn is_private(hostname: &str) -> bool {
    let host = hostname.strip_suffix('.').unwrap_or(hostname);
    if let Ok(IpAddr::V4(address)) = host.parse() {
        return address.is_loopback();
    }
    let single_label = !host.is_empty() && !host.contains(['.', ':']);
    host == "[::1]"
        || single_label
        || [".localhost", ".local", ".internal"]
            .iter()
            .any(|end| host.len() > end.len() && host.ends_with(end))
}

/// Returns what is wrong with the metadata of an agent.
#[must_use]
pub fn metadata_problem(metadata: &Value) -> Option<&'static str> {
    if !metadata.is_object() {
        return Some("metadata must be an object");
    }
    if !is_within_depth(metadata, MAX_METADATA_DEPTH) {
        return Some("metadata must not be nested more than 16 levels deep");
    }
    (metadata.to_string().len() > MAX_METADATA_BYTES)
        .then_some("metadata must have at most 1,024 bytes as JSON")
}

/// serde_json's own limit of 128 levels ends the recursion.
fn is_within_depth(value: &Value, depth: usize) -> bool {
    let Some(inner) = depth.checked_sub(1) else {
        return !(value.is_object() || value.is_array());
    };
    match value {
        Value::Object(members) => members.values().all(|value| is_within_depth(value, inner)),
        Value::Array(items) => items.iter().all(|value| is_within_depth(value, inner)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_value_of_a_list_has_to_be_long_enough() {
        assert!(are_long_enough(&["0123456789abcdef"], 16));
        assert!(!are_long_enough(&["0123456789abcde"], 16));
        assert!(!are_long_enough(&["correct horse battery staple", "1"], 16));
        // Characters are counted, not bytes.
        assert!(!are_long_enough(&["ééééééé"], 8));
        assert!(are_long_enough(&["éééééééé"], 8));
    }

    #[test]
    fn headers_claim_an_identity_however_they_are_spelled() {
        for name in [
            "x-gwop-subject",
            "X_Gwop_Subject",
            "X-GWOP_CHAIN",
            "x_gwop-wallet",
            "X-Gwop-Session",
        ] {
            assert!(claims_identity(name), "{name}");
        }
        for name in [
            "x-gwop-signature",
            "x-gwop-subject-2",
            "xgwopsubject",
            "authorization",
        ] {
            assert!(!claims_identity(name), "{name}");
        }
    }

    #[test]
    fn the_rate_limiter_counts_networks_of_ipv6() {
        for (address, client) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(client_of(address), client, "{address}");
        }
    }

    #[test]
    fn gwops_own_hosts_are_known() {
        for host in [
            "gwop.io",
            "identity.gwop.io",
            "a.b.gwop.io",
            "identity.gwop.io.",
        ] {
            assert!(is_gwops(host), "{host}");
        }
        for host in ["evilgwop.io", "gwop.io.evil.example", "localhost", ""] {
            assert!(!is_gwops(host), "{host}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_and_networks_of_ones_own() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "gwop",
            "gwop.local",
            "a.b.internal",
            "shop.localhost",
            "gwop.local.",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "gwop.io",
            "10.0.0.1",
            "192.168.0.1",
            "127.0.0.1.evil.example",
            "[::2]",
            "[::ffff:7f00:1]",
            "evil.local.example",
            ".local",
            "",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }

    #[test]
    fn a_merchants_key_is_a_segment_that_means_nothing_else() {
        for key in ["a", "7", "shop-a", "constructor", &"a".repeat(63)] {
            assert!(is_merchant_key(key), "{key}");
        }
        for text in [
            "",
            "-a",
            "A",
            "a.b",
            "a/b",
            "shop a",
            "ä",
            "healthz",
            "webhooks",
            "test",
            &"a".repeat(64),
        ] {
            assert!(!is_merchant_key(text), "{text}");
        }
    }

    #[test]
    fn metadata_is_bounded() {
        let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        let padded = |bytes: usize| json!({ "a": "x".repeat(bytes.saturating_sub(8)) });
        assert_eq!(padded(1_024).to_string().len(), 1_024);
        for fits in [json!({}), nested(16), padded(1_024)] {
            assert_eq!(metadata_problem(&fits), None);
        }
        for refused in [
            nested(17),
            padded(1_025),
            json!([]),
            json!("text"),
            json!({ "a": [nested(15)] }),
        ] {
            assert!(metadata_problem(&refused).is_some(), "{refused}");
        }
    }
}
