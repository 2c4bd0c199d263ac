//! What is known about an auth session between two live responses of Gwop.
//!
//! The Worker's objects and the npm package's memory use the same policy.

use serde::{Deserialize, Serialize};

/// Whether a session is active, as far as it is known.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// A recent enough live response said that the session is active.
    Active,
    /// The session has ended: it was revoked here, or Gwop said so.
    Ended,
    /// Gwop must be asked.
    Unknown,
}

/// What is known about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Session {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Gwop said that the session is active.
    ActiveAt(
        /// When Gwop was asked, in milliseconds since 1970.
        i64,
    ),
    /// The session has ended. This is final.
    Ended,
}

impl Session {
    /// Returns the status at `now_ms`. A live response counts while it is younger than `reuse_ms`.
    ///
    /// A response from the future counts as none. This happens when the clock was set back.
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

    /// Records what Gwop said at `asked_at`: whether the session is active.
    ///
    /// A late response neither undoes an end nor replaces a more recent response.
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
