//! The agent's side of Gwop: pays invoices and x402 servers, and logs in. It never pays twice and
//! never exceeds a limit.
//!
//! - `network`, `evm`, `solana`: the pinned networks and tokens, and the bytes that wallets sign.
//! - `challenge`, `invoice`, `url`: read and check what servers send.
//! - `attempt`, `limits`: what a journal stores, and the decision that a journal asks for.
//! - `task`, `io`, `pay`: decide what to do next, without I/O. The holder of a task carries out
//!   each effect.
//! - `wasm`: the functions that JavaScript calls. `written`: the JSON that they return.
//!
//! The `.wasm` does not link the standard library. The code that formats panic messages would be a
//! sixth of its size, and nobody sees those messages.
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

/// The names that the standard library's prelude would bring into scope.
mod prelude {
    pub(crate) use alloc::borrow::ToOwned;
    pub(crate) use alloc::boxed::Box;
    pub(crate) use alloc::string::String;
    pub(crate) use alloc::vec;
    pub(crate) use alloc::vec::Vec;
}

/// Runs on a panic, which is always a bug. The task ends and JavaScript sees a `RuntimeError`. The
/// journal holds the state that is needed to continue.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
