//! What each path does: read the request, ask the parts, answer.

pub mod auth;
mod limit;
pub mod operator;
pub mod reconcile;
pub mod webhook;
