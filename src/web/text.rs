//! Texts that cross to JavaScript again and again.

use std::cell::RefCell;

use wasm_bindgen::JsValue;

/// A constant as a string of JavaScript's, decoded on first use alone: that costs a runtime between a tenth of a microsecond and a whole one.
#[must_use]
pub(crate) fn constant(text: &'static str) -> JsValue {
    thread_local! {
        static MADE: RefCell<Vec<(&'static str, JsValue)>> = const { RefCell::new(Vec::new()) };
    }
    MADE.with(|made| {
        let Ok(mut made) = made.try_borrow_mut() else {
            return text.into();
        };
        // The few constants of one caller: their places tell them apart.
        if let Some((_, value)) = made.iter().find(|(known, _)| std::ptr::eq(*known, text)) {
            return value.clone();
        }
        let value = JsValue::from_str(text);
        made.push((text, value.clone()));
        value
    })
}
