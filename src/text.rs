//! Splitting text at an ASCII byte. `str`'s own patterns bring searchers that cost the npm wasm 2 KB.

/// What comes before and after the first `byte`, which has to be ASCII; `None` where there is none.
#[inline(never)]
pub(crate) fn split_once(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|other| other == byte)?;
    Some((text.get(..at)?, text.get(at.saturating_add(1)..)?))
}

/// The parts of `text` between each `byte`, which has to be ASCII: one at least.
pub(crate) fn split(text: &str, byte: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, tail) = split_once(text, byte).map_or((text, None), |(a, b)| (a, Some(b)));
        rest = tail;
        Some(part)
    })
}
