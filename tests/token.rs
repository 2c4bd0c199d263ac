//! Access tokens from a merchant's view: what is refused, in which order and with which code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use gwop::token::{Begun, Code, Decoded, Expected, ISSUER, MAX_TOKEN_BYTES, UnverifiedToken};

const NOW_SECONDS: i64 = 1_774_404_000;
const NOW_MS: i64 = NOW_SECONDS * 1000;
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"gwop-auth-v1"}"#;

fn compact(header: &str, claims: &str) -> String {
    [header, claims, "signature"]
        .map(|part| BASE64URL.encode(part))
        .join(".")
}

/// Returns the claims that Gwop issues. `extra` members replace those of the same name.
fn claims(extra: &[(&str, &str)]) -> String {
    let expiry = (NOW_SECONDS + 900).to_string();
    let issued = NOW_SECONDS.to_string();
    let mut members = vec![
        ("iss", "\"https://identity.gwop.io\""),
        ("sub", "\"base:0xAbC\""),
        ("mid", "\"merchant-1\""),
        ("sid", "\"sess_1\""),
        ("iat", issued.as_str()),
        ("exp", expiry.as_str()),
    ];
    for (name, value) in extra {
        members.retain(|(other, _)| other != name);
        if !value.is_empty() {
            members.push((name, value));
        }
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Returns the verdict on a token. It must not depend on whether the header was known before.
fn verdict(token: &str, expected: &Expected<'_>) -> Result<String, Code> {
    let header = BASE64URL.encode(HEADER);
    let begun = Begun::new(token.as_bytes(), header.as_bytes(), "gwop-auth-v1");
    let fresh = verdict_of(token, expected, None);
    if let Some((begun, signed)) = begun {
        let (signing_input, _) = token.rsplit_once('.').unwrap();
        assert_eq!(signed, signing_input.as_bytes());
        assert_eq!(verdict_of(token, expected, Some(begun)), fresh, "{token}");
    }
    fresh
}

fn verdict_of(
    token: &str,
    expected: &Expected<'_>,
    begun: Option<Begun<'_>>,
) -> Result<String, Code> {
    let mut decoded = Decoded::default();
    let token = UnverifiedToken::parse_begun(token.as_bytes(), &mut decoded, begun)
        .map_err(|refused| refused.code)?;
    let claims = token
        .evaluate(expected, NOW_MS)
        .map_err(|refused| refused.code)?;
    let (chain, wallet) = claims.chain_and_wallet();
    Ok(format!(
        "{chain} {wallet} {:?} {:?} {:?} {} {}",
        claims.session_id(),
        claims.merchant_id(),
        claims.issued_at_ms(),
        claims.expires_at_ms(),
        claims.json()
    ))
}

fn code_of_header(header: &str) -> Option<Code> {
    verdict(&compact(header, &claims(&[])), &Expected::default()).err()
}

fn code_of_claims(extra: &[(&str, &str)]) -> Option<Code> {
    verdict(&compact(HEADER, &claims(extra)), &Expected::default()).err()
}

#[test]
fn what_was_begun_counts_for_its_own_token_alone() {
    let token = compact(HEADER, &claims(&[]));
    let header = BASE64URL.encode(HEADER);
    let begin = |token: &str, header: &str| {
        Begun::new(token.as_bytes(), header.as_bytes(), "gwop-auth-v1").is_some()
    };
    assert!(begin(&token, &header));
    assert!(!begin(&token, header.get(1..).unwrap()) && !begin(&token, header.get(..9).unwrap()));
    assert!(!begin(&token, "") && !begin(&header, &header));
    assert!(!begin(&format!("{token}="), &header) && !begin("", &header));

    // A different signature or `kid` is not reused.
    let other = token.replace(&BASE64URL.encode("signature"), &BASE64URL.encode("another"));
    let (begun, _) = Begun::new(other.as_bytes(), header.as_bytes(), "another-kid").unwrap();
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse_begun(token.as_bytes(), &mut decoded, Some(begun)).unwrap();
    assert_eq!(parsed.signature(), b"signature");
    assert_eq!(parsed.kid(), Some("gwop-auth-v1"));
    // The same token's is reused.
    let (begun, _) = Begun::new(token.as_bytes(), header.as_bytes(), "known").unwrap();
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse_begun(token.as_bytes(), &mut decoded, Some(begun)).unwrap();
    assert_eq!(
        (parsed.kid(), parsed.signature()),
        (Some("known"), &b"signature"[..])
    );
}

#[test]
fn reads_what_gwop_issues() {
    let token = compact(HEADER, &claims(&[]));
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse(token.as_bytes(), &mut decoded).unwrap();
    assert_eq!(parsed.kid(), Some("gwop-auth-v1"));
    assert_eq!(parsed.signature(), b"signature");
    let (signing_input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(parsed.signing_input(), signing_input.as_bytes());

    let read = verdict(&token, &Expected::default()).unwrap();
    let expected = format!(
        "base 0xAbC Some(\"sess_1\") Some(\"merchant-1\") Some({NOW_MS}) {} {}",
        NOW_MS + 900_000,
        claims(&[])
    );
    assert_eq!(read, expected);
}

#[test]
fn rfc_7515_a2_is_taken_apart_as_the_rfc_does() {
    // Its claims set has neither `sub` nor a valid `exp`, so the check fails at the claims.
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let refused = UnverifiedToken::parse(token.as_bytes(), &mut Decoded::default()).unwrap_err();
    assert_eq!(refused.code, Code::TokenMalformed);
    assert!(refused.message.contains("`sub`"), "{}", refused.message);
}

#[test]
fn alg_is_judged_before_anything_else() {
    for alg in [
        "none", "None", "NONE", "nOnE", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA",
        "rs256", "RS256 ", "",
    ] {
        // Everything else about these tokens is wrong as well.
        for header in [
            format!("{{\"alg\":\"{alg}\"}}"),
            format!("{{\"alg\":\"{alg}\",\"crit\":[\"b64\"],\"b64\":false,\"kid\":7}}"),
        ] {
            let header = BASE64URL.encode(header);
            for rest in ["..", ".", ".!.!", ".e30.", ".e30.x.y.z"] {
                let token = format!("{header}{rest}");
                assert_eq!(
                    verdict(&token, &Expected::default()),
                    Err(Code::TokenAlgNotAllowed),
                    "{alg} {rest}"
                );
            }
        }
    }
    for header in [
        "{}",
        r#"{"alg":null}"#,
        r#"{"alg":256}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"ALG":"RS256"}"#,
    ] {
        assert_eq!(
            code_of_header(header),
            Some(Code::TokenAlgNotAllowed),
            "{header}"
        );
    }
    // The same string in another JSON spelling.
    assert_eq!(code_of_header(r#"{"alg":"\u0052S256"}"#), None);
}

#[test]
fn headers_that_are_refused() {
    for header in [
        "",
        "x",
        "[]",
        "null",
        "\"RS256\"",
        r#"{"alg":"RS256""#,
        r#"{"alg":"RS256"} {}"#,
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"none","alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"a","\u006bid":"b"}"#,
        r#"{"alg":"RS256","kid":7}"#,
        r#"{"alg":"RS256","kid":null}"#,
        r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"RS256","crit":["b64"],"b64":true}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","crit":null}"#,
        r#"{"alg":"RS256","b64":true}"#,
        r#"{"alg":"RS256","b64":false}"#,
        "\u{feff}{\"alg\":\"RS256\"}",
    ] {
        assert_eq!(
            code_of_header(header),
            Some(Code::TokenMalformed),
            "{header}"
        );
    }
}

#[test]
fn keys_that_a_token_brings_are_not_looked_at() {
    for member in [
        r#""jwk":{"kty":"RSA","n":"x","e":"AQAB"}"#,
        r#""jku":"https://attacker.example/jwks.json""#,
        r#""x5u":"https://attacker.example/cert.pem""#,
        r#""x5c":["MIIB"]"#,
        r#""x5t":"abc""#,
        r#""typ":"anything""#,
    ] {
        let token = compact(
            &format!("{{\"alg\":\"RS256\",\"kid\":\"k\",{member}}}"),
            &claims(&[]),
        );
        assert_eq!(
            UnverifiedToken::parse(token.as_bytes(), &mut Decoded::default())
                .unwrap()
                .kid(),
            Some("k")
        );
    }
}

#[test]
fn shapes_that_are_no_compact_jws() {
    let good = compact(HEADER, &claims(&[]));
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        panic!("three parts")
    };
    let mut shapes = vec![
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "x".to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}.."),
        format!(".{header}.{payload}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("{header}..{signature}"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.+/+/"),
        format!("{header}.{payload}.\u{e9}"),
        format!("{good}\0"),
        format!("Bearer {good}"),
        format!("bearer {good}"),
        json_serialization(header, payload, signature),
    ];
    // The last digit of a text of 4n + 2 digits has unused bits. Any value but zero would be a
    // second spelling of the same token.
    let ragged = BASE64URL.encode("s");
    for digit in ["h", "i", "v"] {
        assert_eq!(ragged, "cw");
        shapes.push(format!("{header}.{payload}.c{digit}"));
    }
    for shape in shapes {
        assert_eq!(
            verdict(&shape, &Expected::default()),
            Err(Code::TokenMalformed),
            "{shape}"
        );
    }
    assert!(verdict(&good, &Expected::default()).is_ok());
}

/// The other serialization of RFC 7515 (section 7.2), which Gwop does not use.
fn json_serialization(header: &str, payload: &str, signature: &str) -> String {
    format!(
        "{{\"protected\":\"{header}\",\"payload\":\"{payload}\",\"signature\":\"{signature}\"}}"
    )
}

#[test]
fn size_is_bounded() {
    let token_of = |length: usize| {
        let bare = compact(HEADER, &claims(&[])).len();
        // Three bytes of signature make four digits.
        let signature =
            BASE64URL.encode("signature".to_owned() + &"s".repeat((length - bare) / 4 * 3));
        let token = compact(HEADER, &claims(&[]));
        let (signing_input, _) = token.rsplit_once('.').unwrap();
        format!("{signing_input}.{signature}")
    };
    let fits = token_of(MAX_TOKEN_BYTES);
    assert!(fits.len() > MAX_TOKEN_BYTES - 4 && fits.len() <= MAX_TOKEN_BYTES);
    assert!(verdict(&fits, &Expected::default()).is_ok());
    assert_eq!(
        verdict(&token_of(MAX_TOKEN_BYTES + 4), &Expected::default()),
        Err(Code::TokenMalformed)
    );
    assert_eq!(
        verdict(&"a".repeat(100_000_000), &Expected::default()),
        Err(Code::TokenMalformed)
    );
}

#[test]
fn claims_sets_that_are_refused() {
    for set in ["", "[]", "null", "7", "{\"exp\":1", "{\"exp\":1}x"] {
        let token = compact(HEADER, set);
        assert_eq!(
            verdict(&token, &Expected::default()),
            Err(Code::TokenMalformed),
            "{set}"
        );
    }
    let nested = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
    let refused: &[(&str, &str)] = &[
        ("exp", ""),
        ("exp", "null"),
        ("exp", "\"1774404900\""),
        ("exp", "-1"),
        ("exp", "1e300"),
        ("exp", "9007199254740993"),
        ("exp", "1774404900000"),
        ("exp", "NaN"),
        ("exp", "Infinity"),
        ("exp", "[1774404900]"),
        ("nbf", "\"soon\""),
        ("nbf", "-1"),
        ("nbf", "null"),
        ("iat", "true"),
        ("iat", "1e99"),
        ("sub", ""),
        ("sub", "\"\""),
        ("sub", "7"),
        ("sub", "null"),
        ("sub", "\"0xAbC\""),
        ("sub", "\":0xAbC\""),
        ("sub", "\"base:\""),
        ("iss", "[\"https://identity.gwop.io\"]"),
        ("iss", "null"),
        ("aud", "7"),
        ("aud", "{}"),
        ("aud", "[\"a\",7]"),
        ("mid", "7"),
        ("mid", "[\"merchant-1\"]"),
        ("sid", "{}"),
        ("nested", nested.as_str()),
    ];
    for (name, value) in refused {
        assert_eq!(
            code_of_claims(&[(name, value)]),
            Some(Code::TokenMalformed),
            "{name} {value}"
        );
    }
    for repeated in [
        "\"exp\":99999999999",
        "\"\\u0065xp\":1",
        "\"mid\":\"merchant-2\"",
        "\"other\":1,\"other\":1",
    ] {
        let set = claims(&[]).replacen('{', &format!("{{{repeated},"), 1);
        assert_eq!(
            verdict(&compact(HEADER, &set), &Expected::default()),
            Err(Code::TokenMalformed),
            "{set}"
        );
    }
}

#[test]
fn optional_claims_may_be_absent_and_unknown_ones_are_kept() {
    let token = compact(
        HEADER,
        &claims(&[
            ("mid", ""),
            ("sid", ""),
            ("iat", ""),
            ("sub", "\"solana:7xK\\u00e9:\\ud83d\\ude00\""),
            ("nested", "{\"a\":[1,{\"a\":1}]}"),
        ]),
    );
    let read = verdict(&token, &Expected::default()).unwrap();
    assert!(read.starts_with("solana 7xKé:😀 None None None "), "{read}");
    assert!(read.contains("\"nested\":{\"a\":[1,{\"a\":1}]}"));
}

#[test]
fn expiry_and_not_before_with_their_tolerance() {
    let at = |name: &str, seconds: &str, tolerance_ms: i64| {
        let expected = Expected {
            clock_tolerance_ms: tolerance_ms,
            ..Expected::default()
        };
        verdict(&compact(HEADER, &claims(&[(name, seconds)])), &expected).err()
    };
    let now = |offset: i64| (NOW_SECONDS + offset).to_string();
    // RFC 7519 section 4.1.4: on or after `exp` the token must not be accepted.
    assert_eq!(at("exp", &now(1), 0), None);
    assert_eq!(at("exp", &now(0), 0), Some(Code::TokenExpired));
    assert_eq!(at("exp", &now(-4), 5_000), None);
    assert_eq!(at("exp", &now(-5), 5_000), Some(Code::TokenExpired));
    assert_eq!(at("exp", &format!("{NOW_SECONDS}.001"), 0), None);
    assert_eq!(at("exp", "0", 5_000), Some(Code::TokenExpired));
    assert_eq!(at("exp", "253402300799", 5_000), None);
    // Section 4.1.5: before `nbf` the token must not be accepted.
    assert_eq!(at("nbf", &now(0), 0), None);
    assert_eq!(at("nbf", &now(1), 0), Some(Code::TokenNotYetValid));
    assert_eq!(at("nbf", &now(5), 5_000), None);
    assert_eq!(at("nbf", &now(6), 5_000), Some(Code::TokenNotYetValid));
    assert_eq!(
        at("nbf", &format!("{NOW_SECONDS}.001"), 0),
        Some(Code::TokenNotYetValid)
    );
    // A tolerance beyond all reason must not overflow.
    assert_eq!(at("exp", "0", i64::MAX), None);
    assert_eq!(at("nbf", "253402300799", i64::MAX), None);
}

#[test]
fn issuer_audience_and_merchant() {
    let merchant = |id: &'static str| Expected {
        merchant_id: Some(id),
        ..Expected::default()
    };
    let audience = |names: &[&'static str]| Expected {
        audience: names.to_vec(),
        ..Expected::default()
    };
    let evaluate = |extra: &[(&str, &str)], expected: &Expected| {
        verdict(&compact(HEADER, &claims(extra)), expected).err()
    };
    assert_eq!(evaluate(&[], &merchant("merchant-1")), None);
    for wrong in ["merchant-2", "Merchant-1", "merchant-1 ", ""] {
        assert_eq!(
            evaluate(&[], &merchant(wrong)),
            Some(Code::TokenMerchantMismatch),
            "{wrong}"
        );
    }
    assert_eq!(
        evaluate(&[("mid", "")], &merchant("merchant-1")),
        Some(Code::TokenMerchantMismatch)
    );

    for wrong in [
        "",
        "\"\"",
        "\"https://identity.gwop.io/\"",
        "\"http://identity.gwop.io\"",
        "\"https://identity.gwop.io.evil\"",
    ] {
        assert_eq!(
            evaluate(&[("iss", wrong)], &Expected::default()),
            Some(Code::TokenIssuerMismatch),
            "{wrong}"
        );
    }
    let other = Expected {
        issuer: "https://identity.test",
        ..Expected::default()
    };
    assert_eq!(
        evaluate(&[("iss", "\"https://identity.test\"")], &other),
        None
    );
    assert_eq!(evaluate(&[], &other), Some(Code::TokenIssuerMismatch));
    assert_eq!(ISSUER, "https://identity.gwop.io");

    assert_eq!(evaluate(&[("aud", "\"shop\"")], &audience(&["shop"])), None);
    assert_eq!(
        evaluate(&[("aud", "[\"a\",\"shop\"]")], &audience(&["shop"])),
        None
    );
    assert_eq!(
        evaluate(&[("aud", "[\"a\",\"shop\"]")], &audience(&["b", "shop"])),
        None
    );
    assert_eq!(evaluate(&[("aud", "\"shop\"")], &audience(&[])), None);
    for wrong in ["", "[]", "\"\"", "\"Shop\"", "[\"sho\",\"p\"]"] {
        assert_eq!(
            evaluate(&[("aud", wrong)], &audience(&["shop"])),
            Some(Code::TokenAudienceMismatch),
            "{wrong}"
        );
    }
}

#[test]
fn one_code_when_several_rules_are_broken() {
    let everything = [
        ("iss", "\"x\""),
        ("aud", "\"x\""),
        ("mid", "\"x\""),
        ("nbf", "253402300799"),
        ("exp", "1"),
    ];
    let expected = Expected {
        merchant_id: Some("merchant-1"),
        audience: vec!["shop"],
        ..Expected::default()
    };
    let order = [
        Code::TokenIssuerMismatch,
        Code::TokenAudienceMismatch,
        Code::TokenMerchantMismatch,
        Code::TokenNotYetValid,
        Code::TokenExpired,
    ];
    let mut broken = everything.to_vec();
    for code in order {
        let token = compact(
            HEADER,
            &claims(&[&[("aud", "\"shop\"")], broken.as_slice()].concat()),
        );
        assert_eq!(verdict(&token, &expected), Err(code));
        broken.remove(0);
    }
}

#[test]
fn nothing_of_a_token_is_in_debug_output_or_messages() {
    let token = compact(HEADER, &claims(&[("secret", "\"s3cr3t\"")]));
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse(token.as_bytes(), &mut decoded).unwrap();
    let judged = parsed.evaluate(&Expected::default(), NOW_MS).unwrap();
    for shown in [format!("{parsed:?}"), format!("{judged:?}")] {
        assert!(shown.ends_with("(redacted)"), "{shown}");
    }
}

#[test]
fn no_single_changed_byte_makes_a_panic() {
    let token = compact(HEADER, &claims(&[("aud", "[\"a\"]")]));
    for at in 0..token.len() {
        for byte in 0..=u8::MAX {
            let mut changed = token.clone().into_bytes();
            if let Some(slot) = changed.get_mut(at) {
                *slot = byte;
            }
            if let Ok(parsed) = UnverifiedToken::parse(&changed, &mut Decoded::default()) {
                let _ = parsed
                    .evaluate(&Expected::default(), NOW_MS)
                    .map(|claims| claims.json().to_owned());
            }
        }
        let _ =
            UnverifiedToken::parse(token.as_bytes().get(..at).unwrap(), &mut Decoded::default());
    }
}
