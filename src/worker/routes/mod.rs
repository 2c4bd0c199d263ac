//! What each path does: read the request, ask the parts, answer.

pub mod auth;
pub mod console;
pub mod health;
mod limit;
pub mod listing;
pub mod operator;
mod presented;
pub mod reconcile;
pub mod webhook;
