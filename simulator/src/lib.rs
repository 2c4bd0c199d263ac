//! The local Gwop: what a merchant's tests talk to, since Gwop has no sandbox.
//!
//! The state machine is plain Rust without I/O: [`Simulator::handle`] takes a request and the time and gives an
//! [`Answer`]; [`Simulator::command`] is the control side (pay, rotate keys, misbehave). Whoever drives it does what
//! needs the outside: makes and uses the RSA keys (Web Crypto), sends the webhooks that [`Command::TakeDue`] hands
//! out, and reports how they went.
//!
//! It has its own idea of the wire, taken from Gwop's contract and not from the SDK's models, so that the two can
//! disagree.
//!
//! | module | what lives there |
//! |---|---|
//! | [`config`] | options: merchants, addresses, lifetimes |
//! | [`input`] | options and commands from JSON; errors name the field |
//! | [`http`] | requests, answers, paths and queries |
//! | [`error`] | Gwop's error codes and their statuses |
//! | [`time`], [`id`] | time stamps on the wire; identifiers |
//! | [`invoice`], [`auth`], [`x402`] | the three state machines and their JSON |
//! | [`webhook`] | events, signatures, deliveries and their retries |
//! | [`fault`] | misbehaviour on request |
//! | [`simulator`], `routes`, [`control`] | the whole: state, Gwop's operations, commands |
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod auth;
pub mod config;
pub mod control;
pub mod error;
pub mod fault;
pub mod http;
pub mod id;
pub mod input;
pub mod invoice;
mod routes;
pub mod simulator;
pub mod time;
#[cfg(target_arch = "wasm32")]
mod wasm;
pub mod webhook;
pub mod x402;

pub use config::{Config, Merchant};
pub use control::{Command, CommandError};
pub use http::{Answer, Reply, Request};
pub use simulator::Simulator;
pub use time::Now;
