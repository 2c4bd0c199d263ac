//! The Durable Object of one auth session. It stores whether the session was revoked through this
//! Worker, and how old the last live response is.
#![allow(missing_docs)] // `durable_object` writes public methods without any.

use std::cell::Cell;

use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Request, Response, Result, ScheduledTime, SqlStorage, State, Storage,
    durable_object,
};

use crate::session::{Session, SessionStatus};
use crate::worker::platform::objects::respond;
use crate::worker::platform::{alarm_date, log, now_ms};

/// The minimum time for which a revocation is kept, in milliseconds: 31 days, or until the day
/// after its token expires.
const RETENTION_MS: i64 = 31 * 24 * 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The calls to the object. Each returns [`SessionStatus`].
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub(crate) enum SessionCall {
    /// Returns whether the session is known to be active. A live response may be `reuse_ms` old.
    /// Writes nothing.
    Check {
        /// The maximum age of a live response, in milliseconds.
        reuse_ms: i64,
    },
    /// Gwop has just responded whether the session is active. Writes nothing.
    Seen {
        /// Whether Gwop responded that it is active.
        active: bool,
        /// When Gwop was asked, in milliseconds since the epoch.
        asked_at: i64,
    },
    /// Revokes the session through this Worker.
    Revoke {
        /// When its token expires, in milliseconds since the epoch.
        expires_at: i64,
    },
}

/// The Durable Object of one session, named by its `sid`.
#[durable_object(alarm)]
pub struct GwopSession {
    storage: Storage,
    sql: SqlStorage,
    /// The results of live responses. Memory is enough: without them Gwop is asked again.
    known: Cell<Session>,
}

impl DurableObject for GwopSession {
    fn new(state: State, _env: Env) -> Self {
        let storage = state.storage();
        Self {
            sql: storage.sql(),
            storage,
            known: Cell::new(Session::default()),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let call: SessionCall = serde_json::from_str(&request.text().await?)?;
        match call {
            SessionCall::Check { reuse_ms } => respond(self.check(reuse_ms)),
            SessionCall::Seen { active, asked_at } => respond(self.seen(active, asked_at)),
            SessionCall::Revoke { expires_at } => respond(self.revoke(expires_at).await),
        }
    }

    /// Deletes the revocation once it is old enough: every token of the session has expired.
    async fn alarm(&self) -> Result<Response> {
        if let Err(error) = self.storage.delete_all().await {
            log::error("alarm_failed", &[("error", error.to_string().into())]);
            let again = now_ms().saturating_add(DAY_MS);
            let _ = self.arm(again).await;
        }
        Response::empty()
    }
}

impl GwopSession {
    fn is_revoked(&self) -> Result<bool> {
        let statement = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'revocation'";
        let rows = self.sql.exec(statement, None)?.raw();
        Ok(!rows.collect::<Result<Vec<_>>>()?.is_empty())
    }

    /// Sets the alarm, in milliseconds since the epoch.
    async fn arm(&self, due: i64) -> Result<()> {
        self.storage
            .set_alarm(ScheduledTime::new(alarm_date(due)))
            .await
    }

    /// Returns what is known of the session, including its revocation.
    fn known(&self) -> Result<Session> {
        Ok(match self.known.get() {
            Session::Ended => Session::Ended,
            _ if self.is_revoked()? => Session::Ended,
            known => known,
        })
    }

    fn check(&self, reuse_ms: i64) -> Result<SessionStatus> {
        Ok(self.known()?.status(reuse_ms, now_ms()))
    }

    fn seen(&self, active: bool, asked_at: i64) -> Result<SessionStatus> {
        // A revocation that arrived in the meantime stays.
        let known = self.known()?.seen(active, asked_at);
        self.known.set(known);
        Ok(match known {
            Session::Ended => SessionStatus::Ended,
            _ => SessionStatus::Active,
        })
    }

    async fn revoke(&self, expires_at: i64) -> Result<SessionStatus> {
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS revocation (revoked_at INTEGER NOT NULL)",
            None,
        )?;
        let kept = now_ms()
            .saturating_add(RETENTION_MS)
            .max(expires_at.saturating_add(DAY_MS));
        self.arm(kept).await?;
        Ok(SessionStatus::Ended)
    }
}
