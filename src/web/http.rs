//! Reading a response of `fetch`, with a bound.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStreamDefaultReader, Response};

use super::executor::JsFuture;

#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod chunk {
    use super::{JsValue, wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        /// What `reader.read()` resolves to.
        pub type Chunk;
        #[wasm_bindgen(method, getter)]
        pub fn done(this: &Chunk) -> bool;
        #[wasm_bindgen(method, getter)]
        pub fn value(this: &Chunk) -> JsValue;
    }
}

/// A body, read up to its bound.
#[derive(Debug, Default)]
pub struct BoundedBody {
    /// Its bytes.
    pub body: Vec<u8>,
    /// Whether it went on beyond the bound.
    pub truncated: bool,
}

/// A reader that is cancelled where it is dropped before the end of its stream.
struct Reader {
    stream: ReadableStreamDefaultReader,
    ended: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.ended {
            // Not awaited: a stream may never respond.
            ignore_rejection(&self.stream.cancel());
        }
    }
}

/// Reads the body of a response, at most `bound` bytes of it. The rest of a longer one is
/// cancelled.
///
/// # Errors
/// What the stream fails with.
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
            // A room below a length that fits.
            read.body.extend(bytes.subarray(0, room as u32).to_vec());
            read.truncated = true;
        }
    }
    Ok(read)
}

/// Takes the rejection of a promise that nobody waits for, so that no runtime reports it.
pub(crate) fn ignore_rejection(promise: &Promise) {
    thread_local! {
        static IGNORE: Closure<dyn FnMut(JsValue)> = Closure::new(|_| {});
    }
    IGNORE.with(|ignore| {
        let _ = promise.catch(ignore);
    });
}
