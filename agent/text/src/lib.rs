//! Files of the core that the agent's `.wasm` uses without the standard library. They form a crate
//! of their own because they are compiled differently: floats are never written, so the 20 KB of
//! code that writes floats is left out.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[path = "../../../src/json.rs"]
pub mod json;
#[path = "../../../src/time.rs"]
pub mod time;
