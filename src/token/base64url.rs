//! base64url without padding (RFC 4648 section 5), in its one canonical form.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes that `text` encodes. `None` for padding, white space, the standard alphabet, a length that no
/// encoder makes, or unused bits that are not zero: two texts never decode to the same bytes.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (quads, rest) = text.as_chunks();
    let mut out = vec![0; quads.len().saturating_mul(3)];
    let (triples, _) = out.as_chunks_mut();
    for ([a, b, c, d], bytes) in quads.iter().zip(triples) {
        let bits = (value(*a)? << 18) | (value(*b)? << 12) | (value(*c)? << 6) | value(*d)?;
        let [_, triple @ ..] = bits.to_be_bytes();
        *bytes = triple;
    }
    // The lowest `pending` bits of `bits` have not made a byte yet.
    let (mut bits, mut pending) = (0_u32, 0_u32);
    for digit in rest {
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
        // Each text that is accepted is the one that its bytes encode to, and each one or two bytes have such a text.
        let accepts = |text: &[u8]| {
            let bytes = decode(text);
            assert!(bytes.iter().all(|bytes| encode(bytes).as_bytes() == text));
            usize::from(bytes.is_some())
        };
        let mut accepted = [0; 3];
        for a in 0..=u8::MAX {
            accepted[0] += accepts(&[a]);
            for b in 0..=u8::MAX {
                accepted[1] += accepts(&[a, b]);
            }
        }
        for a in ALPHABET {
            for b in ALPHABET {
                for c in ALPHABET {
                    accepted[2] += accepts(&[*a, *b, *c]);
                }
            }
        }
        assert_eq!(accepted, [0, 256, 65_536]);
    }

    #[test]
    fn longer_texts_come_back_whole_and_are_refused_for_one_wrong_digit() {
        for length in 0..=64 {
            let bytes: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(167)).collect();
            let text = encode(&bytes).into_bytes();
            assert_eq!(decode(&text).unwrap(), bytes);
            for at in 0..text.len() {
                for wrong in *b"=+/ .\0\x80\xff" {
                    let mut changed = text.clone();
                    *changed.get_mut(at).unwrap() = wrong;
                    assert_eq!(decode(&changed), None, "{wrong} at {at} of {}", text.len());
                }
            }
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
