//! The agent's side of Gwop: pays invoices and x402 servers, and logs in. Never twice, never over
//! the limit.
//!
//! - `network`, `evm`, `solana`: what is pinned, and the bytes that wallets sign.
//! - `challenge`, `invoice`, `url`: what servers say, checked.
//! - `attempt`, `limits`: what a journal keeps, and the decision that it asks for.
//! - `task`, `io`, `pay`: what is done next, without I/O. A holder carries out each effect.
//! - `wasm`: what JavaScript calls; `written`: the JSON that it gets.
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

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
