//! The agent's side of Gwop: pays invoices and x402 servers, and logs in. Never twice, never over
//! the limit.
//!
//! - `network`, `evm`, `solana`: what is pinned, and the bytes that wallets sign.
//! - `challenge`, `invoice`, `url`: what servers say, checked.
//! - `attempt`, `limits`: what a journal keeps, and the decision that it asks for.
//! - `task`, `io`, `pay`: what is done next, without I/O. A holder carries out each effect.
//! - `wasm`: what JavaScript calls; `written`: the JSON that it gets.
//!
//! The `.wasm` has no standard library: what formats the messages of panics, which nobody sees, is a
//! sixth of it.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

extern crate alloc;

use gwop_agent_text::{json, time};

pub mod attempt;
pub mod bytes;
pub mod challenge;
pub mod evm;
pub mod failure;
pub mod invoice;
mod io;
pub mod limits;
pub mod network;
pub mod pay;
pub mod reply;
pub mod solana;
pub mod task;
pub mod url;
#[cfg(target_arch = "wasm32")]
mod wasm;
pub mod written;

/// What the standard library would have in scope.
mod prelude {
    pub(crate) use alloc::borrow::ToOwned;
    pub(crate) use alloc::boxed::Box;
    pub(crate) use alloc::string::String;
    pub(crate) use alloc::vec;
    pub(crate) use alloc::vec::Vec;
}

/// A bug: the task ends, and JavaScript sees a `RuntimeError`. The journal knows the rest.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
