//! What each path does: read the request, ask the parts, respond.

pub(super) mod auth;
pub(super) mod console;
pub(super) mod health;
mod limit;
pub(super) mod listing;
pub(super) mod operator;
mod presented;
pub(super) mod reconcile;
pub(super) mod webhook;
