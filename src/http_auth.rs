//! What the headers of an HTTP request say about who sent it.
//!
//! The Worker and the handlers of the npm package use the same rules.

/// The headers that tell an app who sent a request. Only a server that verified a token may set
/// them.
pub const IDENTITY_HEADERS: [&str; 4] = [
    "x-gwop-subject",
    "x-gwop-chain",
    "x-gwop-wallet",
    "x-gwop-session",
];

/// Returns the token of `Authorization: Bearer …` (RFC 6750 section 2.1), or `None` if there is none.
///
/// The scheme may be in any case. A token has no white space.
///
/// ```
/// use gwop::http_auth::bearer_token;
///
/// assert_eq!(bearer_token("bearer abc"), Some("abc"));
/// assert_eq!(bearer_token("Basic abc"), None);
/// assert_eq!(bearer_token("Bearer a b"), None);
/// ```
#[must_use]
pub fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim_matches(' ');
    let holds = scheme.eq_ignore_ascii_case("bearer")
        && !token.is_empty()
        && !token.contains(char::is_whitespace);
    holds.then_some(token)
}

/// Returns whether an app may read a header with this name as one of [`IDENTITY_HEADERS`].
///
/// CGI, and with it WSGI, Rack and PHP, replaces `-` by `_` (RFC 3875 section 4.1.18).
///
/// ```
/// use gwop::http_auth::claims_identity;
///
/// assert!(claims_identity("X_Gwop_Subject"));
/// assert!(!claims_identity("x-gwop-signature"));
/// ```
#[must_use]
pub fn claims_identity(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    IDENTITY_HEADERS.contains(&name.as_str())
}

/// Returns whether a header can carry the value unchanged: printable ASCII without white space, as
/// all of Gwop's subjects and sessions are.
///
/// ```
/// use gwop::http_auth::is_header_value;
///
/// assert!(is_header_value("base:0xabc"));
/// assert!(!is_header_value("two words"));
/// ```
#[must_use]
pub fn is_header_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}
