//! What shard 0 keeps for all: counters, and the alerts that are due. And what every shard notes
//! until shard 0 has heard of it.

use super::operator_messages::{AlertKind, Tally};
use super::sql::{Sql, SqlError};
use super::store::Store;
use crate::worker::alerts::{self, Alert};
use crate::worker::schedule::Times;

type Result<T> = std::result::Result<T, SqlError>;

/// Where the minute of the refused signatures begins, and how many it has.
const REFUSED_SINCE: &str = "refused_since";
const REFUSED: &str = "refused";

impl<S: Sql> Store<S> {
    /// Adds to the counters, and raises an alert where this many refused signatures are a burst.
    ///
    /// # Errors
    /// Where storage fails: then nothing is added.
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

    /// The counters, by name.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn counters(&self) -> Result<Vec<(String, i64)>> {
        let rows = self.run("SELECT name, value FROM counter ORDER BY name", &[])?;
        let read = |mut row: super::sql::Row| Ok((row.required(0)?, row.number(1)?));
        rows.into_iter().map(read).collect()
    }

    /// Shard 0 hears that something happened so many times.
    ///
    /// # Errors
    /// Where storage fails.
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

    /// When the next alert is due, in milliseconds since the epoch.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn next_alert(&self, times: Times) -> Result<Option<i64>> {
        let open = self.open_alerts()?;
        Ok(open
            .iter()
            .map(|(alert, sent_at)| alerts::due_at(alert.first_at, *sent_at, times.alert_pause))
            .min())
    }

    /// Takes the alerts that are due, in one transaction with the time of the last: nobody else
    /// gets them for ten minutes, whether they are delivered or not.
    ///
    /// # Errors
    /// Where storage fails: then none is taken.
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

    /// An alert was delivered: what it told of is done.
    ///
    /// # Errors
    /// Where storage fails: then the next alert tells of it again.
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
            // A kind of a newer version is left to that.
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

    /// Notes what shard 0 has to hear of, in the transaction of what happened.
    ///
    /// # Errors
    /// Where storage fails.
    pub fn note(&self, kind: AlertKind, count: i64) -> Result<()> {
        let name = noted_as(kind);
        let noted = self.meta(&name)?.unwrap_or_default();
        self.set_meta(&name, noted.saturating_add(count).max(0))
    }

    /// What shard 0 has not heard of yet.
    ///
    /// # Errors
    /// Where storage fails.
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

/// The name in `meta` under which a kind is noted.
fn noted_as(kind: AlertKind) -> String {
    ["noted_", kind.as_str()].concat()
}
