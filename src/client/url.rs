//! Builds the URLs of requests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Appends `text`, percent-encoded like JavaScript's `encodeURIComponent`.
pub(super) fn push_component(out: &mut String, text: &str) {
    out.extend(utf8_percent_encode(text, COMPONENT));
}

/// Returns the base URL without trailing slashes, or `None` if a path cannot be appended to it.
///
/// It must be absolute, http or https, without query, fragment and credentials. Not every runtime
/// rejects credentials, and errors would quote them.
#[must_use]
pub(super) fn base(url: &str) -> Option<&str> {
    let (scheme, authority) = url.split_once(':')?;
    let authority = authority.as_bytes().strip_prefix(b"//")?;
    for byte in authority {
        if *byte <= b' ' || matches!(byte, b'?' | b'#' | b'\\' | b'@' | 0x7f) {
            return None;
        }
    }
    let known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    if !known || matches!(authority, [] | [b'/', ..]) {
        return None;
    }
    Some(url.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_encode_uri_component() {
        let mut out = String::new();
        push_component(&mut out, "aZ09-_.!~*'()/?#%&+ é😀\0");
        assert_eq!(
            out,
            "aZ09-_.!~*'()%2F%3F%23%25%26%2B%20%C3%A9%F0%9F%98%80%00"
        );
    }

    #[test]
    fn a_base_takes_a_path() {
        for (url, expected) in [
            ("https://agents.gwop.io", Some("https://agents.gwop.io")),
            ("http://127.0.0.1:4010/", Some("http://127.0.0.1:4010")),
            ("HTTPS://h/proxy/gwop//", Some("HTTPS://h/proxy/gwop")),
            ("https://h?x=1", None),
            ("https://h/#x", None),
            ("https://h/a b", None),
            ("https://h\\x", None),
            ("https://user:password@h", None),
            ("https:h", None),
            ("ftp://h", None),
            ("//h", None),
            ("agents.gwop.io", None),
            ("https://", None),
            ("https:///x", None),
            ("", None),
        ] {
            assert_eq!(base(url), expected, "{url}");
        }
    }
}
