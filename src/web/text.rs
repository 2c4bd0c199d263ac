//! Strings that cross to JavaScript repeatedly.

use std::cell::RefCell;

use wasm_bindgen::JsValue;

/// Returns a constant as a JavaScript string.
///
/// The constant is decoded only on first use. Decoding takes a runtime between 0.1 and 1
/// microsecond.
#[must_use]
pub(crate) fn constant(text: &'static str) -> JsValue {
    thread_local! {
        static MADE: RefCell<Vec<(&'static str, JsValue)>> = const { RefCell::new(Vec::new()) };
    }
    MADE.with(|made| {
        let Ok(mut made) = made.try_borrow_mut() else {
            return text.into();
        };
        // Each caller has few constants. Their addresses distinguish them.
        if let Some((_, value)) = made.iter().find(|(known, _)| std::ptr::eq(*known, text)) {
            return value.clone();
        }
        let value = JsValue::from_str(text);
        made.push((text, value.clone()));
        value
    })
}
