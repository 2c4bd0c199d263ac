//! base64url without padding (RFC 4648 section 5), in its one canonical form.

/// The bytes that `text` encodes. `None` for padding, white space, the standard alphabet, a length that no
/// encoder makes, or unused bits that are not zero: two texts never decode to the same bytes.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len().div_ceil(4).saturating_mul(3)];
    for (group, bytes) in text.chunks(4).zip(out.chunks_exact_mut(3)) {
        let mut bits = 0_u32;
        for digit in group {
            bits = (bits << 6) | value(*digit)?;
        }
        // The first digit of the group becomes the top 6 of 24 bits.
        bits = match group.len() {
            4 => bits,
            3 if bits & 0b11 == 0 => bits << 6,
            2 if bits & 0b1111 == 0 => bits << 12,
            _ => return None,
        };
        if let [first, second, third] = bytes {
            [_, *first, *second, *third] = bits.to_be_bytes();
        }
    }
    // Four digits make three bytes, three make two, two make one.
    out.truncate(text.len().saturating_mul(3) / 4);
    Some(out)
}

/// The canonical text for `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let byte = |index| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for shift in [18, 12, 6, 0]
            .into_iter()
            .take(group.len().saturating_add(1))
        {
            let digit = ALPHABET.get((bits >> shift) as usize & 63);
            out.push(digit.copied().unwrap_or(b'A') as char);
        }
    }
    out
}

fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte.wrapping_sub(b'A'),
        b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
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
