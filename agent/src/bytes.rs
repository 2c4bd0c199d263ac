//! Converts bytes to text and back: hexadecimal digits and base64. Reads JSON objects.

use crate::json::{Object, Value};
#[allow(unused_imports)]
use crate::prelude::*;
use base64ct::{Base64, Encoding as _};

/// Returns lower-case hexadecimal digits, without `0x`.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digit = |digit| char::from_digit(u32::from(digit), 16).unwrap_or_default();
    digits.map(digit).collect()
}

/// Reads a JSON object.
#[must_use]
#[inline(never)] // Once in the module.
pub fn json_object(text: &[u8]) -> Option<Object<'_>> {
    // `Value::parse_object` would read the text once less, and take 108 bytes more of the budget.
    Value::parse(text).ok()?.as_object()
}

/// Reads hexadecimal digits, with or without `0x`.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let pair = |&[high, low]: &[u8; 2]| u8::try_from(nibble(high)? << 4 | nibble(low)?).ok();
    pairs.iter().map(pair).collect()
}

/// Returns the decimal digits of a number. The standard library's formatting would add 2 KB to the
/// `.wasm`.
#[must_use]
pub fn decimal(mut number: u64) -> String {
    let mut digits = Vec::with_capacity(20);
    loop {
        let digit = u8::try_from(number % 10).unwrap_or_default();
        digits.push(char::from(b'0'.saturating_add(digit)));
        number /= 10;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// Returns base64 with padding (RFC 4648), as in the x402 headers.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Reads base64 with padding.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text.trim()).ok()
}
