//! What shard 0 stores for all shards: counters and due alerts. Also what every shard notes until
//! it has reported it to shard 0.

use super::operator_messages::{AlertKind, Tally};
use super::sql::{Sql, SqlError};
use super::store::Store;
use crate::worker::alerts::{self, Alert};
use crate::worker::schedule::Times;

type Result<T> = std::result::Result<T, SqlError>;

/// The names in `meta` of the beginning of the minute of refused signatures, and of their number.
const REFUSED_SINCE: &str = "refused_since";
const REFUSED: &str = "refused";

impl<S: Sql> Store<S> {
    /// Adds to the counters. Raises an alert if the refused signatures are a burst.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then nothing is added.
    pub fn tally(&self, tally: &Tally, alerts_on: bool, now: i64) -> Result<()> {
        self.sql().transaction(|| {
            for (name, grown) in &tally.counters {
                self.run(
                    "INSERT INTO counter (name, value) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                    &[name.into(), (*grown).into()],
                )?;
            }
            if alerts_on && tally.refused > 0 {
                self.refused_signatures(tally.refused, now)?;
            }
            Ok(())
        })
    }

    fn refused_signatures(&self, refused: i64, now: i64) -> Result<()> {
        let since = self.meta(REFUSED_SINCE)?.unwrap_or_default();
        let before = self.meta(REFUSED)?.unwrap_or_default();
        let window = alerts::refused_within(since, before, refused, now);
        self.set_meta(REFUSED_SINCE, window.since)?;
        self.set_meta(REFUSED, window.rest)?;
        if window.burst > 0 {
            self.raise(AlertKind::RefusedSignatures, window.burst, now)?;
        }
        Ok(())
    }

    /// Returns the counters, by name.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn counters(&self) -> Result<Vec<(String, i64)>> {
        let rows = self.run("SELECT name, value FROM counter ORDER BY name", &[])?;
        let read = |mut row: super::sql::Row| Ok((row.required(0)?, row.number(1)?));
        rows.into_iter().map(read).collect()
    }

    /// Stores in shard 0 that something happened `count` times.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn raise(&self, kind: AlertKind, count: i64, now: i64) -> Result<()> {
        self.run(
            "INSERT INTO alert (kind, count, first_at, last_at) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (kind) DO UPDATE SET last_at = excluded.last_at,
                first_at = CASE WHEN count = 0 THEN excluded.first_at ELSE first_at END,
                count = count + excluded.count",
            &[kind.as_str().into(), count.into(), now.into()],
        )?;
        Ok(())
    }

    /// Returns when the next alert is due, in milliseconds since the epoch.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn next_alert(&self, times: Times) -> Result<Option<i64>> {
        let open = self.open_alerts()?;
        Ok(open
            .iter()
            .map(|(alert, sent_at)| alerts::due_at(alert.first_at, *sent_at, times.alert_pause))
            .min())
    }

    /// Takes the due alerts and stores the time in the same transaction. Nobody else gets them for
    /// ten minutes, whether they are delivered or not.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then none is taken.
    pub fn take_alerts(&self, now: i64, times: Times) -> Result<Vec<Alert>> {
        self.sql().transaction(|| {
            let mut taken = vec![];
            for (alert, sent_at) in self.open_alerts()? {
                if alerts::due_at(alert.first_at, sent_at, times.alert_pause) > now {
                    continue;
                }
                self.run(
                    "UPDATE alert SET sent_at = ?2 WHERE kind = ?1",
                    &[alert.kind.as_str().into(), now.into()],
                )?;
                taken.push(alert);
            }
            Ok(taken)
        })
    }

    /// Stores that an alert was delivered: what it reported is finished.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then the next alert reports it again.
    pub fn alerted(&self, alert: &Alert) -> Result<()> {
        self.run(
            "UPDATE alert SET count = MAX(count - ?2, 0), first_at = last_at WHERE kind = ?1",
            &[alert.kind.as_str().into(), alert.count.into()],
        )?;
        Ok(())
    }

    fn open_alerts(&self) -> Result<Vec<(Alert, Option<i64>)>> {
        let rows = self.run(
            "SELECT kind, count, first_at, last_at, sent_at FROM alert WHERE count > 0",
            &[],
        )?;
        let mut open = vec![];
        for mut row in rows {
            // This version skips a kind of a newer version.
            let Some(kind) = AlertKind::parse(&row.required(0)?) else {
                continue;
            };
            let alert = Alert {
                kind,
                count: row.number(1)?,
                first_at: row.number(2)?,
                last_at: row.number(3)?,
            };
            open.push((alert, row.integer(4)?));
        }
        Ok(open)
    }

    /// Stores what has to be reported to shard 0, in the transaction of what happened.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn note(&self, kind: AlertKind, count: i64) -> Result<()> {
        let name = noted_as(kind);
        let noted = self.meta(&name)?.unwrap_or_default();
        self.set_meta(&name, noted.saturating_add(count).max(0))
    }

    /// Returns what has not been reported to shard 0 yet.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn noted(&self) -> Result<Vec<(AlertKind, i64)>> {
        let mut noted = vec![];
        for kind in AlertKind::ALL {
            if let Some(count) = self.meta(&noted_as(kind))?.filter(|count| *count > 0) {
                noted.push((kind, count));
            }
        }
        Ok(noted)
    }
}

/// Returns the name in `meta` under which a kind is stored.
fn noted_as(kind: AlertKind) -> String {
    ["noted_", kind.as_str()].concat()
}
