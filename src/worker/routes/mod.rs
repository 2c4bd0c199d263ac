//! The handler of each path: reads the request, calls the other modules, and responds.

pub(super) mod auth;
pub(super) mod console;
pub(super) mod health;
mod limit;
pub(super) mod listing;
pub(super) mod operator;
mod presented;
pub(super) mod reconcile;
pub(super) mod webhook;
