//! Determines the next page, and when to stop.

use crate::invoice::Status;

/// The largest number of invoices on a page. Gwop returns no more.
pub const PAGE: i64 = 100;

/// How many invoices of a page are requested again with the next page.
///
/// This many invoices may leave the list between two requests, and none is missed.
const OVERLAP: i64 = 10;

/// How far before the last complete run a run looks, in milliseconds: 25 hours.
///
/// An invoice can be paid for at most 24 hours (contract, "Request bodies"). Earlier invoices had
/// reached a final status by then.
const LOOK_BACK_MS: i64 = 25 * HOUR_MS;

/// How long a walk through the whole list is valid, in milliseconds: one day.
const WHOLE_MS: i64 = 24 * HOUR_MS;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// The final statuses in the order of the walk, payments first. Each has its own list.
const LISTS: [Status; 3] = [Status::Paid, Status::Expired, Status::Canceled];

/// The version of a cursor's text.
const VERSION: i64 = 1;

/// Set when a part of the list was left for the next walk through the whole list.
const LEFT: i64 = 1;
/// Set when an invoice that was found could not be applied.
const FAILED: i64 = 2;

/// Returns the earliest creation time of an invoice that may be applied, in milliseconds since
/// 1970.
///
/// This is `since` or later. If final states are kept only for `kept_ms`, invoices older than that
/// period minus 30 days are left out too, because their states may already be gone.
///
/// # Examples
/// ```
/// use gwop::reconcile::floor;
///
/// const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// assert_eq!(floor(5, None, 365 * DAY_MS), 5);
/// // Final states are kept for 90 days, so nothing older than 60 is applied.
/// assert_eq!(floor(5, Some(90 * DAY_MS), 365 * DAY_MS), 305 * DAY_MS);
/// ```
#[must_use]
pub fn floor(since: i64, kept_ms: Option<i64>, now: i64) -> i64 {
    let oldest = kept_ms.map_or(i64::MIN, |kept| {
        now.saturating_sub(kept.saturating_sub(30 * WHOLE_MS))
    });
    since.max(oldest)
}

/// The next step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Request [`PAGE`] invoices of this status from this offset.
    Page {
        /// The status to filter by.
        status: Status,
        /// How many invoices to skip.
        offset: i64,
    },
    /// Nothing. The run is over.
    Over {
        /// Whether everything that was found was applied. If not, the next run looks as far back as
        /// this one.
        complete: bool,
    },
}

/// The order of the pages of a list, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// All invoices so far were created at the same time.
    Unknown = 0,
    /// Every page so far is sorted with the newest invoice first.
    NewestFirst = 1,
    /// At least one page has another order.
    Other = 2,
}

/// The state of one run through the lists, between two pages.
///
/// # Examples
/// ```
/// use gwop::invoice::Status;
/// use gwop::reconcile::{Next, Walk};
///
/// let mut walk = Walk::resume("", 1_000).unwrap();
/// while let Next::Page { status, offset } = walk.next() {
///     // Ask Gwop for this page, and apply what is on it. Here every list is empty.
///     assert!(status.is_final() && offset == 0);
///     walk.turn(&[], false, 0, false);
/// }
/// assert_eq!(walk.next(), Next::Over { complete: true });
/// // A later run goes on from the cursor, and knows when the last complete one began.
/// let later = Walk::resume(&walk.cursor(), 2_000).unwrap();
/// assert_eq!((later.completed(), later.started()), (1_000, 2_000));
/// assert!(matches!(later.next(), Next::Page { status: Status::Paid, offset: 0 }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// When the run started.
    started: i64,
    /// When the last complete run started, or 0 if there was none.
    completed: i64,
    /// The index of the list in [`LISTS`]. After the last list, the run is over.
    list: usize,
    offset: i64,
    order: Order,
    flags: i64,
}

impl Walk {
    /// Continues from a cursor. `now` is in milliseconds since 1970.
    ///
    /// Starts a new run if the cursor is empty or belongs to a run that is over. Returns `None` if
    /// the text is not a cursor.
    #[must_use]
    pub fn resume(cursor: &str, now: i64) -> Option<Self> {
        let mut walk = Self {
            started: now,
            completed: 0,
            list: 0,
            offset: 0,
            order: Order::Unknown,
            flags: 0,
        };
        let known = match *numbers(cursor)? {
            [] => return Some(walk),
            [VERSION, started, completed, list, offset, order, flags] => Self {
                started,
                completed,
                list: list as usize,
                offset,
                order: match order {
                    0 => Order::Unknown,
                    1 => Order::NewestFirst,
                    _ => Order::Other,
                },
                flags,
            },
            _ => return None,
        };
        if known.list < LISTS.len() {
            return Some(known);
        }
        walk.completed = known.completed;
        Some(walk)
    }

    /// Returns the walk as text: digits and points, fewer than 100 characters.
    #[must_use]
    pub fn cursor(&self) -> String {
        let mut text = VERSION.to_string();
        for number in [
            self.started,
            self.completed,
            self.list as i64,
            self.offset,
            self.order as i64,
            self.flags,
        ] {
            text.push('.');
            text.push_str(&number.to_string());
        }
        text
    }

    /// Returns the next step.
    #[must_use]
    pub fn next(&self) -> Next {
        match LISTS.get(self.list) {
            Some(status) => Next::Page {
                status: *status,
                offset: self.offset,
            },
            None => Next::Over {
                complete: self.flags & FAILED == 0,
            },
        }
    }

    /// Returns when the last complete run started, in milliseconds since 1970, or 0 if there was
    /// none.
    #[must_use]
    pub const fn completed(&self) -> i64 {
        self.completed
    }

    /// Returns when this run started, in milliseconds since 1970.
    #[must_use]
    pub const fn started(&self) -> i64 {
        self.started
    }

    /// Records the page that [`Self::next`] named, after all its invoices from `floor` on were
    /// applied.
    ///
    /// `created` contains the creation times of its invoices in Gwop's order. `more` says whether
    /// pages follow. `failed` says that an invoice could not be applied, so the run will not count
    /// as complete.
    pub fn turn(&mut self, created: &[i64], more: bool, floor: i64, failed: bool) {
        if failed {
            self.flags |= FAILED;
        }
        let mut before = None;
        for at in created {
            if before.is_some_and(|before| before < *at) {
                self.order = Order::Other;
            } else if before.is_some_and(|before| before > *at) && self.order == Order::Unknown {
                self.order = Order::NewestFirst;
            }
            before = Some(*at);
        }
        let far_enough = floor.max(self.completed.saturating_sub(LOOK_BACK_MS));
        let left = self.order == Order::Other
            && self.started.saturating_sub(self.completed) < WHOLE_MS
            && more;
        let seen = self.order == Order::NewestFirst && before.is_some_and(|last| last < far_enough);
        if left {
            self.flags |= LEFT;
        }
        // If a server returns fewer invoices than requested, the walk takes smaller steps.
        let count = created.len() as i64;
        let step = count.checked_sub(OVERLAP.min(count / 2));
        let offset = step.and_then(|step| self.offset.checked_add(step));
        if more
            && !left
            && !seen
            && !created.is_empty()
            && let Some(offset) = offset
        {
            self.offset = offset;
            return;
        }
        self.list = self.list.saturating_add(1);
        self.offset = 0;
        self.order = Order::Unknown;
        if self.list >= LISTS.len() && self.flags == 0 {
            self.completed = self.started;
        }
    }
}

/// Returns the numbers of a text such as `1.20.3`, or none for an empty text.
///
/// Returns `None` if the text contains anything except digits and points. Numbers beyond 2⁶³ wrap,
/// but the walk writes none.
#[must_use]
pub fn numbers(text: &str) -> Option<Vec<i64>> {
    let mut found = Vec::new();
    if text.is_empty() {
        return Some(found);
    }
    let mut number = 0_i64;
    for byte in text.bytes() {
        match byte {
            b'.' => {
                found.push(number);
                number = 0;
            }
            b'0'..=b'9' => {
                let digit = byte.wrapping_sub(b'0');
                number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            }
            _ => return None,
        }
    }
    found.push(number);
    Some(found)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Page;
    use super::*;

    /// A simulated Gwop: invoices as (created at, id), per list.
    #[derive(Default)]
    struct Gwop {
        lists: [Vec<(i64, u32)>; 3],
    }

    impl Gwop {
        fn page(&self, status: Status, offset: i64, size: usize) -> String {
            let list = &self.lists[LISTS.iter().position(|known| *known == status).unwrap()];
            let from = usize::try_from(offset).unwrap().min(list.len());
            let to = (from + size).min(list.len());
            let items: Vec<String> = list[from..to]
                .iter()
                .map(|(at, id)| {
                    let day = at / 86_400_000;
                    let of_day = at % 86_400_000;
                    format!(
                        r#"{{"id":"{id}","public_invoice_id":"inv_{id}","status":"{}","amount_usdc":1,"currency":"USDC",
                        "created_at":"1970-01-{:02}T{:02}:{:02}:{:02}.{:03}Z"}}"#,
                        status.as_str(),
                        day + 1,
                        of_day / 3_600_000,
                        of_day / 60_000 % 60,
                        of_day / 1_000 % 60,
                        of_day % 1_000
                    )
                })
                .collect();
            format!(
                r#"{{"invoices":[{}],"pagination":{{"has_more":{}}}}}"#,
                items.join(","),
                to < list.len()
            )
        }
    }

    /// Runs to the end. Returns the invoices found at `floor` or later, the number of requested
    /// pages, and whether the run is complete.
    fn run(
        gwop: &mut Gwop,
        cursor: &mut String,
        now: i64,
        floor: i64,
        meanwhile: &mut dyn FnMut(&mut Gwop),
    ) -> (BTreeSet<u32>, usize, bool) {
        let (mut found, mut pages) = (BTreeSet::new(), 0);
        loop {
            // Simulates a crash: only the cursor is known.
            let mut walk = Walk::resume(cursor, now).unwrap();
            let Next::Page { status, offset } = walk.next() else {
                unreachable!("a run that is over begins anew");
            };
            let text = gwop.page(status, offset, 100);
            let page = Page::read(&text).unwrap();
            pages += 1;
            for one in page.found.iter().filter(|one| one.created_at >= floor) {
                found.insert(one.invoice_id().unwrap().parse().unwrap());
            }
            walk.turn(&page.created(), page.more, floor, false);
            meanwhile(gwop);
            *cursor = walk.cursor();
            if let Next::Over { complete } = walk.next() {
                return (found, pages, complete);
            }
        }
    }

    const DAY: i64 = WHOLE_MS;

    /// A list of `count` invoices in the day before `until`, newest first.
    fn newest_first(count: u32, until: i64) -> Vec<(i64, u32)> {
        let step = DAY / i64::from(count);
        (0..count)
            .map(|id| (until - 1 - i64::from(id) * step, id))
            .collect()
    }

    #[test]
    fn a_page_is_read_again_by_ten_and_newest_first_ends_in_time() {
        let now = 10 * DAY;
        let mut gwop = Gwop::default();
        gwop.lists[0] = newest_first(10_000, now);
        gwop.lists[0].extend((0..10_000).map(|id| (5 * DAY - i64::from(id), 10_000 + id)));
        // The last complete run was at the start of that day.
        let mut cursor = format!("1.{0}.{0}.3.0.0.0", now - DAY);
        let (found, pages, complete) = run(&mut gwop, &mut cursor, now, 0, &mut |_| {});
        assert!(complete);
        assert!((0..10_000).all(|id| found.contains(&id)));
        assert!(pages <= 10_000 / 90 + 10, "{pages}");
        // A quarter of an hour later, the run looks at 25 hours again.
        let (_, pages, _) = run(&mut gwop, &mut cursor, now + 900_000, 0, &mut |_| {});
        assert!(pages <= 10_000 / 90 + 10, "{pages}");
        // A day and two hours later, it looks at none of that day.
        let (_, _, _) = run(
            &mut gwop,
            &mut cursor,
            now + DAY + 2 * HOUR_MS,
            0,
            &mut |_| {},
        );
        let (_, pages, _) = run(
            &mut gwop,
            &mut cursor,
            now + DAY + 3 * HOUR_MS,
            0,
            &mut |_| {},
        );
        assert_eq!(pages, 3);
    }

    #[test]
    fn nothing_is_asked_for_beyond_the_floor_where_pages_are_newest_first() {
        let now = 10 * DAY;
        let mut gwop = Gwop::default();
        gwop.lists[0] = newest_first(1_000, now);
        let (found, pages, complete) = run(&mut gwop, &mut String::new(), now, now, &mut |_| {});
        assert_eq!((found.len(), pages, complete), (0, 3, true));
    }

    #[test]
    fn any_other_order_is_walked_whole_once_a_day() {
        let now = 10 * DAY;
        for order in ["oldest first", "random"] {
            let mut gwop = Gwop::default();
            gwop.lists[1] = newest_first(2_000, now);
            if order == "random" {
                gwop.lists[1].sort_by_key(|(_, id)| id.wrapping_mul(2_654_435_761));
            } else {
                gwop.lists[1].reverse();
            }
            let mut cursor = String::new();
            let (found, pages, complete) = run(&mut gwop, &mut cursor, now, 0, &mut |_| {});
            assert_eq!((found.len(), complete), (2_000, true), "{order}");
            assert!(pages <= 2_000 / 90 + 4, "{pages}");
            for (later, expected) in [(900_000, 3), (DAY - 1, 3), (DAY, pages), (DAY + 900_000, 3)]
            {
                let (_, pages, complete) = run(&mut gwop, &mut cursor, now + later, 0, &mut |_| {});
                assert_eq!(
                    (pages, complete),
                    (expected, true),
                    "{order}, {later} ms later"
                );
            }
        }
    }

    #[test]
    fn invoices_of_one_moment_show_no_order() {
        let mut gwop = Gwop::default();
        // Oldest first. The first page is from one moment. A new invoice follows, more than a day
        // after it.
        gwop.lists[0] = (0..150).map(|id| (DAY, id)).collect();
        gwop.lists[0].push((10 * DAY, 150));
        let mut cursor = format!("1.{0}.{0}.3.0.0.0", 9 * DAY);
        let (found, ..) = run(&mut gwop, &mut cursor, 10 * DAY, 0, &mut |_| {});
        assert!(found.contains(&150));
    }

    #[test]
    fn what_is_paid_or_leaves_meanwhile_hides_nothing_else() {
        let now = 10 * DAY;
        for order in ["newest first", "oldest first", "random"] {
            let mut gwop = Gwop::default();
            let key = |(at, id): &(i64, u32)| match order {
                "newest first" => -at,
                "oldest first" => *at,
                _ => i64::from(id.wrapping_mul(2_654_435_761)),
            };
            gwop.lists[0] = newest_first(3_000, now);
            gwop.lists[0].sort_by_key(key);
            let mut cursor = String::new();
            let mut next = 3_000;
            let (found, _, complete) = run(&mut gwop, &mut cursor, now, 0, &mut |gwop| {
                // Seven invoices of any age become paid, and three disappear.
                for _ in 0..7 {
                    let at = now - 1 - i64::from(next * 7_919) % DAY;
                    gwop.lists[0].push((at, next));
                    next += 1;
                }
                gwop.lists[0].retain(|(_, id)| *id < 3_000 || id % 7 > 2);
                gwop.lists[0].sort_by_key(key);
            });
            assert!(complete);
            let missing: Vec<u32> = (0..3_000).filter(|id| !found.contains(id)).collect();
            assert_eq!(missing, [0_u32; 0], "{order}");
            // The next run finds what was added in the meantime. If the list is not newest first,
            // the run of the next day finds it.
            let (later, ..) = run(&mut gwop, &mut cursor, now + DAY, 0, &mut |_| {});
            assert!(
                gwop.lists[0].iter().all(|(_, id)| later.contains(id)),
                "{order}"
            );
        }
    }

    #[test]
    fn ten_that_leave_the_list_between_two_pages_hide_nothing_else() {
        let mut gwop = Gwop::default();
        gwop.lists[0] = newest_first(1_000, DAY);
        let (found, ..) = run(&mut gwop, &mut String::new(), DAY, 0, &mut |gwop| {
            let leaving = gwop.lists[0].len().min(10);
            gwop.lists[0].drain(..leaving);
        });
        assert_eq!(found.len(), 1_000);
    }

    #[test]
    fn a_failure_leaves_the_last_complete_run_as_it_was() {
        let text = r#"{"invoices":[],"pagination":{"has_more":false}}"#;
        let page = Page::read(text).unwrap();
        let mut walk = Walk::resume("1.5.5.3.0.0.0", 9).unwrap();
        walk.turn(&page.created(), page.more, 0, true);
        walk.turn(&page.created(), page.more, 0, false);
        walk.turn(&page.created(), page.more, 0, false);
        assert_eq!(walk.next(), Next::Over { complete: false });
        assert_eq!(walk.completed(), 5);
        let mut walk = Walk::resume(&walk.cursor(), 10).unwrap();
        assert_eq!((walk.started(), walk.completed()), (10, 5));
        for _ in 0..3 {
            walk.turn(&page.created(), page.more, 0, false);
        }
        assert_eq!(walk.next(), Next::Over { complete: true });
        assert_eq!(walk.completed(), 10);
    }

    #[test]
    fn a_server_that_gives_less_or_repeats_itself_has_an_end() {
        let mut gwop = Gwop::default();
        gwop.lists[0] = newest_first(50, DAY);
        let mut walk = Walk::resume("", DAY).unwrap();
        let mut pages = 0;
        while let Next::Page { status, offset } = walk.next() {
            let text = gwop.page(status, offset, 2);
            let page = Page::read(&text).unwrap();
            walk.turn(&page.created(), page.more, 0, false);
            pages += 1;
            assert!(pages < 100);
        }
        let text = r#"{"invoices":[],"pagination":{"has_more":true}}"#;
        let page = Page::read(text).unwrap();
        let mut walk = Walk::resume("", DAY).unwrap();
        for _ in 0..3 {
            walk.turn(&page.created(), page.more, 0, false);
        }
        assert_eq!(walk.next(), Next::Over { complete: true });
    }

    #[test]
    fn a_cursor_is_read_back_or_refused() {
        for text in ["1.5.4.0.90.1.3", "1.5.4.2.0.2.0"] {
            assert_eq!(Walk::resume(text, 9).unwrap().cursor(), text);
        }
        for text in [
            "x",
            "1",
            "2.5.4.0.90.1.3",
            "1.5.4.0.90.1",
            "1.5.4.0.90.1.3.1",
            "1.-5.4.0.90.1.3",
            "1.5.4.0.90.1.3 ",
            "1.5.4.0.9e3.1.3",
        ] {
            assert_eq!(Walk::resume(text, 9), None, "{text}");
        }
    }

    #[test]
    fn the_past_is_what_came_before_since_or_what_may_be_deleted_by_now() {
        assert_eq!(floor(7, None, 100 * DAY), 7);
        assert_eq!(floor(7, Some(90 * DAY), 100 * DAY), 40 * DAY);
        assert_eq!(floor(50 * DAY, Some(90 * DAY), 100 * DAY), 50 * DAY);
    }
}
