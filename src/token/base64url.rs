//! base64url without padding (RFC 4648 section 5), in its one canonical form.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes that `text` encodes. `None` for padding, white space, the standard alphabet, a length that no
/// encoder makes, or unused bits that are not zero: two texts never decode to the same bytes.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    // The lowest `pending` bits of `bits` have not made a byte yet.
    let (mut bits, mut pending) = (0_u32, 0_u32);
    for digit in text {
        bits = (bits << 6) | value(*digit)?;
        pending = pending.wrapping_add(6);
        if pending >= 8 {
            pending = pending.wrapping_sub(8);
            out.push((bits >> pending) as u8);
            bits &= !u32::MAX.wrapping_shl(pending);
        }
    }
    // A digit of its own, or bits that no encoder leaves.
    (pending < 6 && bits == 0).then_some(out)
}

/// The canonical text for `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    // The lowest `pending` bits of `bits` have not made a digit yet.
    let (mut bits, mut pending) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        pending = pending.wrapping_add(8);
        while pending >= 6 {
            pending = pending.wrapping_sub(6);
            push_digit(&mut out, bits >> pending);
        }
    }
    if pending > 0 {
        push_digit(&mut out, bits << 6_u32.wrapping_sub(pending));
    }
    out
}

/// Appends the digit for the lowest six bits.
fn push_digit(out: &mut String, bits: u32) {
    let digit = ALPHABET.get(bits as usize & 63);
    out.push(digit.copied().unwrap_or_default() as char);
}

fn value(digit: u8) -> Option<u32> {
    const NONE: u8 = 0xff;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // Not at run time.
    const VALUES: [u8; 128] = {
        let mut values = [NONE; 128];
        let mut value = 0;
        while value < ALPHABET.len() {
            values[ALPHABET[value] as usize] = value as u8;
            value += 1;
        }
        values
    };
    let value = VALUES.get(usize::from(digit)).copied()?;
    (value != NONE).then_some(u32::from(value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_rfc_examples() {
        // RFC 4648 section 10, without its padding.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
            assert_eq!(encode(bytes.as_bytes()), text);
        }
        assert_eq!(decode(b"-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
    }

    #[test]
    fn every_text_of_up_to_three_digits_is_canonical_or_refused() {
        let digits: Vec<u8> = (0..=u8::MAX).collect();
        let mut accepted = 0;
        for a in &digits {
            assert_eq!(decode(&[*a]), None);
            for b in &digits {
                if let Some(bytes) = decode(&[*a, *b]) {
                    assert_eq!(encode(&bytes).as_bytes(), [*a, *b]);
                    accepted += 1;
                }
            }
        }
        assert_eq!(accepted, 256);
        for bits in 0..=u16::MAX {
            let bytes = bits.to_be_bytes();
            assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "Zg==", "Zg=", "Z", "Zm9vY", "Zh", "Zm9", "Zm 9", "+/+/", "Zm8\n", "Zmö",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
