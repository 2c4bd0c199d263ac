//! Pages over all shards: the format of a cursor, how many shards one request calls, and how their
//! responses are merged to one page.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::ledger::operator_messages::{InvoiceKey, InvoicePage, ListedInvoice};

/// The maximum number of calls to shards in one request. With the report of the counters, a request
/// stays below 40 subrequests. Workers Free allows 50.
pub const MOST_CALLS: u32 = 36;
/// How many rows a page has by default.
pub const USUAL_ROWS: usize = 100;
/// The maximum number of rows of a page.
pub const MOST_ROWS: usize = 1_000;
/// The maximum number of events that one request replays, and the default.
pub const MOST_REPLAYED: usize = 5_000;

/// A position in a walk through the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The number of the shard, from 0.
    pub shard: u32,
    /// The row of the shard after which to continue. 0 for the beginning.
    pub after: i64,
}

impl Place {
    /// Formats the position as a cursor.
    #[must_use]
    pub fn to_text(self) -> String {
        format!("{}.{}", self.shard, self.after)
    }

    /// Parses a cursor. Returns `None` if it is not one of ours.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (shard, after) = text.split_once('.')?;
        let place = Self {
            shard: shard.parse().ok()?,
            after: after.parse().ok()?,
        };
        (place.to_text() == text && place.after >= 0).then_some(place)
    }
}

impl InvoiceKey {
    /// Formats the key as a cursor.
    #[must_use]
    pub fn to_text(&self) -> String {
        let id = Base64UrlUnpadded::encode_string(self.invoice_id.as_bytes());
        format!("{}.{id}", self.last_event_at)
    }

    /// Parses a cursor. Returns `None` if it is not one of ours.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        let key = Self {
            last_event_at: at.parse().ok()?,
            invoice_id: String::from_utf8(Base64UrlUnpadded::decode_vec(id).ok()?).ok()?,
        };
        (key.to_text() == text && key.last_event_at >= 0).then_some(key)
    }
}

/// Goes from shard to shard until there are `limit` rows, no more shards, or [`MOST_CALLS`] calls.
/// `ask` receives a position and the maximum number of rows. It returns how many rows it took, and
/// the row after which its shard continues. Returns where the next request continues, or `None` at
/// the end.
///
/// # Errors
/// Returns the error of the first call. If a later call fails, the walk ends before it, and the
/// next request begins with it.
pub async fn walk<E>(
    shards: u32,
    from: Place,
    limit: usize,
    mut ask: impl AsyncFnMut(Place, usize) -> Result<(usize, Option<i64>), E>,
) -> Result<Option<Place>, E> {
    let mut place = from;
    let mut left = limit;
    for call in 0..MOST_CALLS {
        if left == 0 || place.shard >= shards {
            break;
        }
        let (taken, next) = match ask(place, left).await {
            Ok(result) => result,
            Err(error) if call == 0 => return Err(error),
            Err(_) => break,
        };
        left = left.saturating_sub(taken);
        place = match next {
            Some(after) => Place { after, ..place },
            None => match place.shard.checked_add(1) {
                Some(shard) => Place { shard, after: 0 },
                None => return Ok(None),
            },
        };
    }
    Ok((place.shard < shards).then_some(place))
}

/// Returns the newest invoices of all shards, at most `limit`, and the invoice after which to
/// continue, or `None` at the end.
#[must_use]
pub fn merged(pages: Vec<InvoicePage>, limit: usize) -> (Vec<ListedInvoice>, Option<InvoiceKey>) {
    // For older invoices, some shard has not searched yet.
    let horizon = pages
        .iter()
        .filter_map(|page| page.scanned_to.clone())
        .max();
    let mut invoices: Vec<ListedInvoice> = pages
        .into_iter()
        .flat_map(|page| page.invoices)
        .filter(|invoice| {
            horizon
                .as_ref()
                .is_none_or(|horizon| invoice.key >= *horizon)
        })
        .collect();
    invoices.sort_by(|one, other| other.key.cmp(&one.key));
    if invoices.len() <= limit {
        return (invoices, horizon);
    }
    invoices.truncate(limit);
    let next = invoices.last().map(|invoice| invoice.key.clone());
    (invoices, next)
}

/// Returns whether a text has the form of a date or a time in ISO 8601.
#[must_use]
pub fn looks_like_a_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    (10..=35).contains(&bytes.len())
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            0..10 => byte.is_ascii_digit(),
            10 => *byte == b'T',
            _ => byte.is_ascii_digit() || b":.+-Z".contains(byte),
        })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]
mod tests {
    use super::*;
    use crate::invoice::Status;

    /// Runs a future that never waits.
    fn now<T>(work: impl Future<Output = T>) -> T {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(work).poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => unreachable!("nothing waits"),
        }
    }

    #[test]
    fn cursors_are_read_as_they_were_written_and_nothing_else_is() {
        for place in [
            Place::default(),
            Place {
                shard: 31,
                after: i64::MAX,
            },
        ] {
            assert_eq!(Place::of_text(&place.to_text()), Some(place));
        }
        for text in [
            "",
            ".",
            "1",
            "1.",
            ".1",
            "-1.1",
            "1.-1",
            "01.1",
            "1.1 ",
            "+1.1",
            "4294967296.1",
        ] {
            assert_eq!(Place::of_text(text), None, "{text}");
        }
        for id in ["", "a", "é☃.~", "a.b"] {
            let key = InvoiceKey {
                last_event_at: 7,
                invoice_id: id.to_owned(),
            };
            assert_eq!(InvoiceKey::of_text(&key.to_text()), Some(key));
        }
        for text in ["", "7", "7.!", "x.YQ", "-1.YQ", "7.YR", "07.YQ"] {
            assert_eq!(InvoiceKey::of_text(text), None, "{text}");
        }
    }

    /// Returns the rows per shard in the order in which [`walk`] reads them. Rows are numbered from
    /// 1.
    fn listed(rows: &[i64], limit: usize, step: i64) -> (Vec<Vec<(u32, i64)>>, u32) {
        let shards = u32::try_from(rows.len()).unwrap();
        let mut pages = vec![];
        let mut most_calls = 0;
        let mut from = Some(Place::default());
        while let Some(place) = from {
            let mut page = vec![];
            let mut calls = 0;
            from = now(walk(shards, place, limit, async |place, left| {
                calls += 1;
                let of = rows[place.shard as usize];
                let most = step.min(i64::try_from(left).unwrap());
                let last = (place.after + most).min(of);
                page.extend((place.after + 1..=last).map(|row| (place.shard, row)));
                let taken = usize::try_from(last - place.after).unwrap();
                Ok::<_, ()>((taken, (last < of).then_some(last)))
            }))
            .unwrap();
            most_calls = most_calls.max(calls);
            pages.push(page);
        }
        (pages, most_calls)
    }

    #[test]
    fn a_walk_lists_every_row_once_in_bounded_requests() {
        for (rows, limit, step) in [
            (vec![0; 32], 100, 100),
            (vec![1_250; 8], 100, 100),
            (vec![1_250; 8], 1_000, 7),
            (vec![3, 0, 5], 2, 1),
            (vec![10_000], 5_000, 1_000),
            (vec![100; 32], 5_000, 10),
        ] {
            let (pages, calls) = listed(&rows, limit, step);
            assert!(calls <= MOST_CALLS, "{calls} calls");
            assert!(pages.iter().all(|page| page.len() <= limit));
            let all: Vec<_> = pages.into_iter().flatten().collect();
            let expected: Vec<_> = (0..)
                .zip(&rows)
                .flat_map(|(shard, rows)| (1..=*rows).map(move |row| (shard, row)))
                .collect();
            assert_eq!(all, expected);
        }
        const { assert!(MOST_CALLS < 40) };
    }

    #[test]
    fn a_walk_keeps_what_it_did_when_a_later_call_fails() {
        let from = Place::default();
        let failing = now(walk(3, from, 10, async |place, _| {
            if place.shard == 1 {
                Err("down")
            } else {
                Ok((2, None))
            }
        }));
        assert_eq!(failing, Ok(Some(Place { shard: 1, after: 0 })));
        let first = now(walk(3, from, 10, async |_, _| {
            Err::<(usize, Option<i64>), _>("down")
        }));
        assert_eq!(first, Err("down"));
    }

    #[test]
    fn invoices_of_all_shards_come_newest_first_and_none_is_left_out() {
        let key = |at: i64| InvoiceKey {
            last_event_at: at,
            invoice_id: format!("i{at}"),
        };
        // There are 300 invoices in 4 shards. Every third is PAID, and a shard reads 5 rows per
        // step.
        let paid = |at: i64| at % 3 == 0;
        let step = |shard: i64, behind: Option<&InvoiceKey>| {
            let of_shard = (0..300).rev().filter(|at| at % 4 == shard).map(key);
            let mut rest = of_shard.filter(|key| behind.is_none_or(|behind| key < behind));
            let looked_at: Vec<_> = rest.by_ref().take(5).collect();
            let scanned_to = looked_at.last().cloned().filter(|_| looked_at.len() == 5);
            let invoices = looked_at.into_iter().filter(|key| paid(key.last_event_at));
            let invoices = invoices
                .map(|key| ListedInvoice {
                    key,
                    public_invoice_id: None,
                    status: Status::Paid,
                    version: None,
                    transaction: None,
                })
                .collect();
            InvoicePage {
                invoices,
                scanned_to,
            }
        };
        for limit in [1, 3, 7, 100] {
            let mut seen = vec![];
            let mut behind = None;
            loop {
                let pages = (0..4).map(|shard| step(shard, behind.as_ref())).collect();
                let (invoices, next) = merged(pages, limit);
                assert!(invoices.len() <= limit);
                seen.extend(
                    invoices
                        .into_iter()
                        .map(|invoice| invoice.key.last_event_at),
                );
                behind = next;
                if behind.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = (0..300).rev().filter(|at| paid(*at)).collect();
            assert_eq!(seen, expected, "{limit} per page");
        }
    }

    #[test]
    fn times_look_like_iso_8601() {
        for text in [
            "2026-11-29",
            "2026-11-29T01:02:03Z",
            "2026-11-29T01:02:03.123+01:00",
        ] {
            assert!(looks_like_a_time(text), "{text}");
        }
        for text in [
            "",
            "1",
            "yesterday",
            "2026/11/29",
            "2026-11-29 01:02",
            "2026-11-29T01:02:03 UTC",
        ] {
            assert!(!looks_like_a_time(text), "{text}");
        }
    }
}
