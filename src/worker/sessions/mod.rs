//! Auth sessions: which of them were revoked through this Worker.

pub mod client;
pub mod object;
