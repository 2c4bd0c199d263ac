//! Reads a response of `fetch` up to a limit.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStreamDefaultReader, Response};

use super::executor::JsFuture;

#[allow(unsafe_code)] // For the code that wasm-bindgen generates.
mod chunk {
    use super::{JsValue, wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        /// The result of `reader.read()`.
        pub type Chunk;
        #[wasm_bindgen(method, getter)]
        pub fn done(this: &Chunk) -> bool;
        #[wasm_bindgen(method, getter)]
        pub fn value(this: &Chunk) -> JsValue;
    }
}

/// A body that was read up to its limit.
#[derive(Debug, Default)]
pub struct BoundedBody {
    /// The bytes of the body.
    pub body: Vec<u8>,
    /// Whether the body was longer than the limit.
    pub truncated: bool,
}

/// A reader that cancels its stream if it is dropped before the end.
struct Reader {
    stream: ReadableStreamDefaultReader,
    ended: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.ended {
            // This is not awaited, because a stream may never respond.
            ignore_rejection(&self.stream.cancel());
        }
    }
}

/// Reads at most `bound` bytes of a response's body. Cancels the rest of a longer body.
///
/// # Errors
/// The error of the stream.
pub async fn read_response(response: &Response, bound: usize) -> Result<BoundedBody, JsValue> {
    let mut read = BoundedBody::default();
    let Some(stream) = response.body() else {
        return Ok(read);
    };
    let mut reader = Reader {
        stream: stream.get_reader().unchecked_into(),
        ended: false,
    };
    while !read.truncated {
        let chunk = JsFuture::from(reader.stream.read()).await;
        let chunk: chunk::Chunk = match chunk {
            Ok(chunk) => chunk.unchecked_into(),
            Err(reason) => {
                reader.ended = true;
                return Err(reason);
            }
        };
        if chunk.done() {
            reader.ended = true;
            break;
        }
        let bytes: Uint8Array = chunk.value().unchecked_into();
        let room = bound.saturating_sub(read.body.len());
        let length = bytes.length() as usize;
        if length <= room {
            read.body.extend(bytes.to_vec());
        } else {
            // `room` is smaller than `length`, which is 32 bits, so the cast is exact.
            read.body.extend(bytes.subarray(0, room as u32).to_vec());
            read.truncated = true;
        }
    }
    Ok(read)
}

/// Ignores the rejection of a promise that nobody awaits, so that no runtime reports it.
pub(crate) fn ignore_rejection(promise: &Promise) {
    thread_local! {
        static IGNORE: Closure<dyn FnMut(JsValue)> = Closure::new(|_| {});
    }
    IGNORE.with(|ignore| {
        let _ = promise.catch(ignore);
    });
}
