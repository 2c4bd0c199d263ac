//! The local Gwop: a server for a merchant's tests, because Gwop has no sandbox.
//!
//! The state machine is plain Rust without I/O. [`Simulator::handle`] takes a request and the time
//! and returns a [`HandleResult`]. [`Simulator::command`] is the control side: pay, rotate keys,
//! misbehave. A driver does everything that needs the outside world: it creates and uses the RSA
//! keys (Web Crypto), sends the webhooks that [`Command::TakeDue`] returns, and reports their
//! results.
//!
//! The simulator implements the wire format from Gwop's contract and not from the SDK's models, so
//! that tests find differences between the two.
//!
//! | module | contents |
//! |---|---|
//! | [`config`] | options: merchants, addresses, lifetimes, how payments are judged |
//! | [`input`] | options and commands from JSON; errors name the field |
//! | [`http`] | requests, responses, paths and queries |
//! | `routing` | which operation a request asks for |
//! | `handling` | a request from its arrival to its response, including faults |
//! | `operations` | Gwop's operations: invoices, auth, payment and recovery URLs |
//! | `validation`, `idempotency` | checks of requests; repeated responses for idempotency keys |
//! | [`error`] | Gwop's error codes and their statuses |
//! | [`time`], [`id`] | time stamps on the wire; identifiers |
//! | [`invoice`], [`auth`] | the state machines and their JSON |
//! | [`payment`] | x402: both versions, one file per chain |
//! | [`webhook`] | events, signatures, deliveries and their retries |
//! | [`fault`] | misbehavior on request |
//! | [`simulator`], `collection` | the whole state, and its indexed collections |
//! | [`control`] | commands: what a test sends and what a page shows |
//! | [`journal`] | the state in a file: format, snapshot, replay |
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod auth;
mod collection;
mod command_error;
pub mod config;
pub mod control;
pub mod error;
pub mod fault;
mod handling;
pub mod http;
pub mod id;
mod idempotency;
pub mod input;
pub mod invoice;
pub mod journal;
mod operations;
pub mod payment;
mod routing;
pub mod simulator;
pub mod time;
mod validation;
#[cfg(target_arch = "wasm32")]
mod wasm;
pub mod webhook;

pub use config::{Config, Merchant};
pub use control::{Command, CommandError};
pub use http::{HandleResult, Reply, Request};
pub use journal::Kept;
pub use simulator::Simulator;
pub use time::Now;
