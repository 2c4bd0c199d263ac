//! What is known of an auth session between two live responses of Gwop's: one policy for the
//! Worker's objects and for the npm package's memory.

use serde::{Deserialize, Serialize};

/// Whether a request may go on.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// A live response that is young enough said so.
    Active,
    /// Not active any more: revoked here, or Gwop said so.
    Ended,
    /// Gwop has to be asked.
    Unknown,
}

/// What is known of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Session {
    /// Nothing.
    #[default]
    Unknown,
    /// Gwop said that it is active.
    ActiveAt(
        /// When Gwop was asked, in milliseconds since 1970.
        i64,
    ),
    /// It has ended. That is final.
    Ended,
}

impl Session {
    /// Where it stands at `now_ms`, where a live response may be `reuse_ms` old. One from the
    /// future, as the clock was set back, counts as none.
    ///
    /// # Examples
    /// ```
    /// use gwop::session::{Session, SessionStatus};
    ///
    /// let session = Session::default().seen(true, 1_000);
    /// assert_eq!(session.status(30_000, 20_000), SessionStatus::Active);
    /// // The response is too old by now: ask Gwop.
    /// assert_eq!(session.status(30_000, 31_000), SessionStatus::Unknown);
    /// // A revoked session never comes back.
    /// let session = session.seen(false, 32_000).seen(true, 33_000);
    /// assert_eq!(session.status(30_000, 33_000), SessionStatus::Ended);
    /// ```
    #[must_use]
    pub fn status(self, reuse_ms: i64, now_ms: i64) -> SessionStatus {
        match self {
            Self::Ended => SessionStatus::Ended,
            Self::ActiveAt(asked_at) if is_young(asked_at, reuse_ms, now_ms) => {
                SessionStatus::Active
            }
            Self::ActiveAt(_) | Self::Unknown => SessionStatus::Unknown,
        }
    }

    /// What is known once Gwop, asked at `asked_at`, has said whether it is active. A late response
    /// neither undoes an end nor makes a younger response older.
    #[must_use]
    pub fn seen(self, active: bool, asked_at: i64) -> Self {
        match self {
            _ if !active => Self::Ended,
            Self::Ended => Self::Ended,
            Self::ActiveAt(known) => Self::ActiveAt(known.max(asked_at)),
            Self::Unknown => Self::ActiveAt(asked_at),
        }
    }
}

fn is_young(asked_at: i64, reuse_ms: i64, now_ms: i64) -> bool {
    (0..reuse_ms).contains(&now_ms.saturating_sub(asked_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_response_counts_for_as_long_as_it_may_be_reused() {
        let seen = Session::default().seen(true, 1_000);
        for (reuse_ms, now_ms, expected) in [
            (500, 1_000, SessionStatus::Active),
            (500, 1_499, SessionStatus::Active),
            (500, 1_500, SessionStatus::Unknown),
            (0, 1_000, SessionStatus::Unknown),
            // The clock was set back.
            (500, 999, SessionStatus::Unknown),
            (i64::MAX, 1_000_000, SessionStatus::Active),
        ] {
            assert_eq!(seen.status(reuse_ms, now_ms), expected);
        }
        let unknown = Session::default().status(i64::MAX, 0);
        assert_eq!(unknown, SessionStatus::Unknown);
    }

    #[test]
    fn an_end_is_final_and_a_late_response_makes_nothing_older() {
        let ended = Session::default().seen(true, 1_000).seen(false, 900);
        assert_eq!(ended, Session::Ended);
        assert_eq!(ended.seen(true, 2_000), Session::Ended);
        assert_eq!(ended.status(i64::MAX, 2_000), SessionStatus::Ended);
        let late = Session::ActiveAt(1_000).seen(true, 900);
        assert_eq!(late, Session::ActiveAt(1_000));
    }
}
