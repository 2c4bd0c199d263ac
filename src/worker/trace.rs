//! The `traceparent` header of W3C Trace Context (level 1, section 3.2). It is read, logged, and
//! passed on to fulfillment unchanged.

/// The version of our headers: version 00.
const VERSION: &str = "00";

/// Returns the header to pass on. Returns `None` if the incoming one is not valid, which the
/// standard says to drop. A header of a later version is read as version 00.
#[must_use]
pub fn parent(header: &str) -> Option<String> {
    let text = header.trim();
    let mut parts = text.splitn(5, '-');
    let mut part = |length| parts.next().filter(|part| is_hex(part, length));
    let (version, trace_id, parent_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let more = parts.next().is_some();
    let all_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    let is_refused = version == "ff"
        || (version == VERSION && more)
        || all_zero(trace_id)
        || all_zero(parent_id);
    (!is_refused).then(|| [VERSION, trace_id, parent_id, flags].join("-"))
}

/// Returns the trace id of a header that [`parent`] returned.
#[must_use]
pub fn trace_id(parent: &str) -> &str {
    parent.split('-').nth(1).unwrap_or_default()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_header_is_passed_on() {
        assert_eq!(parent(VALID).as_deref(), Some(VALID));
        assert_eq!(parent(&format!(" {VALID} ")).as_deref(), Some(VALID));
        assert_eq!(trace_id(VALID), "4bf92f3577b34da6a3ce929d0e0e4736");
        // A later version may have more fields.
        let later = VALID.replacen("00", "cc", 1);
        assert_eq!(
            parent(&format!("{later}-what-comes")).as_deref(),
            Some(VALID)
        );
    }

    #[test]
    fn anything_else_is_dropped() {
        for header in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parent(header), None, "{header}");
        }
    }
}
