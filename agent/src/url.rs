//! Parses the parts of URLs that the agent has to check. The parser is strict, so that `fetch`
//! reads the same URL that was checked.

#[allow(unused_imports)]
use crate::prelude::*;
/// An origin: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Returns the origin of an absolute http or https URL. `None` for anything unusual: a user
    /// name, a backslash, white space, characters beyond ASCII, or an IPv6 address other than
    /// loopback.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let plain = |byte: u8| {
            byte.is_ascii_graphic()
                && !matches!(
                    byte,
                    b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'
                )
        };
        if !url.bytes().all(plain) {
            return None;
        }
        let (scheme, rest) = url.split_once(':')?;
        let rest = rest.strip_prefix("//")?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let default = if secure { 443 } else { 80 };
        let (host, port) = match authority.strip_prefix("[::1]") {
            Some("") => ("[::1]", default),
            Some(rest) => ("[::1]", port(rest.strip_prefix(':')?)?),
            None => match authority.split_once(':') {
                Some((host, digits)) => (host, port(digits)?),
                None => (authority, default),
            },
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || host != "[::1]" && !host.bytes().all(is_name) {
            return None;
        }
        let host = host.to_ascii_lowercase();
        Some(Self { secure, host, port })
    }

    /// Returns whether a payment may be sent to this origin: over https, or to this machine.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.secure || self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let numbers = || {
            let mut count = 0_usize;
            let small = self.host.split('.').all(|part| {
                count = count.saturating_add(1);
                part.len() <= 3 && part.parse::<u8>().is_ok()
            });
            small && count == 4
        };
        let name = self.host.as_str();
        matches!(name, "localhost" | "[::1]")
            || name.ends_with(".localhost")
            || name.starts_with("127.") && numbers()
    }
}

fn port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let origin = |url| Origin::of(url).unwrap();
        assert_eq!(
            origin("https://a.example"),
            origin("https://A.example:443/x?y")
        );
        for other in [
            "http://a.example",
            "https://a.example:8443",
            "https://b.a.example",
        ] {
            assert_ne!(origin("https://a.example"), origin(other));
        }
    }

    #[test]
    fn only_https_and_loopback_are_safe() {
        for url in [
            "https://a.example",
            "http://127.0.0.1:1",
            "http://localhost",
            "http://[::1]:80/",
        ] {
            assert!(Origin::of(url).unwrap().is_safe(), "{url}");
        }
        for url in [
            "http://a.example",
            "http://127.0.0.1.evil.example",
            "http://127.1",
            "http://10.0.0.1",
        ] {
            assert!(!Origin::of(url).unwrap().is_safe(), "{url}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for url in [
            "https://user@a.example",
            "https://a.example\\@b.example",
            "https://a.example:port",
            "https:a.example",
            "ftp://a.example",
            " https://a.example",
            "https://a.exämple",
            "https://",
            "https://[::2]",
            "https://a.example:99999",
        ] {
            assert_eq!(Origin::of(url), None, "{url}");
        }
    }
}
