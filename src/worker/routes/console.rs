//! `GET /console`: one static page, which calls the operator's routes with a token that it keeps in
//! memory only.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use worker::Env;

use crate::worker::platform::body::Incoming;
use crate::worker::platform::config;
use crate::worker::platform::response::Response;

const STYLE: &str = include_str!("../console/console.css");
const SCRIPT: &str = include_str!("../console/console.js");
const PAGE: &str = include_str!("../console/console.html");
/// The placeholders in the page for the style and for the script.
const STYLE_HERE: &str = "/*style*/";
const SCRIPT_HERE: &str = "/*script*/";

/// Returns the page if an operator's token is configured, and 404 otherwise. The page has no data.
pub(crate) async fn page(request: &Incoming, env: &Env) -> Response {
    if request.method != "GET" {
        request.drain().await;
        return Response::method_not_allowed("GET");
    }
    if !config::is_set(env, config::OPERATOR_TOKEN) {
        return Response::not_found();
    }
    let (style, script) = (STYLE.trim(), SCRIPT.trim());
    let page = PAGE.replace(STYLE_HERE, style).replace(SCRIPT_HERE, script);
    // The browser runs only these two texts, and they reach only this Worker.
    let policy = [
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; style-src ",
        &source(style),
        "; script-src ",
        &source(script),
    ]
    .concat();
    Response::text("served", "text/html; charset=utf-8", page)
        .header("content-security-policy", policy)
        .header("cross-origin-opener-policy", "same-origin")
        .header("cross-origin-resource-policy", "same-origin")
        .header(
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        )
}

/// Returns the source expression that allows an inline text (CSP level 3, section 2.3.1).
fn source(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    ["'sha256-", &Base64::encode_string(&digest), "'"].concat()
}
