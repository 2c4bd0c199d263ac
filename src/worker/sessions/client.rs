//! Calls to a session's object, for auth.

use worker::{Env, Result};

use super::object::SessionCall;
use crate::session::SessionStatus;
use crate::worker::platform::{config, objects};

/// Calls the object of a session.
///
/// # Errors
/// Returns an error if the object cannot be reached or its storage fails.
pub(crate) async fn ask(
    env: &Env,
    session_id: &str,
    question: &SessionCall,
) -> Result<SessionStatus> {
    let merchant = config::merchant(env);
    if merchant.is_empty() {
        return objects::call(env, config::SESSIONS, session_id, question).await;
    }
    let name = [&merchant, "/", session_id].concat();
    objects::call(env, config::SESSIONS, &name, question).await
}
