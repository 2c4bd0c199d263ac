//! Auth sessions: which of them were revoked through this Worker.

pub(super) mod client;
pub(super) mod object;
