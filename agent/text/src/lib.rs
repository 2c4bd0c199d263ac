//! The core's own files for the agent's `.wasm`, which has no standard library. A crate of their
//! own, since they are not compiled as the rest is: then no float is ever written, and what writes
//! floats, 20 KB, is left out.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[path = "../../../src/json.rs"]
pub mod json;
#[path = "../../../src/time.rs"]
pub mod time;
