//! Which page comes next, and when to stop.

use crate::invoice::Status;

/// How many invoices a page has at most: the most that Gwop gives.
pub const PAGE: i64 = 100;

/// How many invoices of a page are asked for again with the next one. So many may leave the list
/// meanwhile without another one being passed over.
const OVERLAP: i64 = 10;

/// How far before the last complete run a run looks, in milliseconds: 25 hours. An invoice can be
/// paid for 24 hours at most (contract, "Request bodies"), so what was created before had reached
/// its end by then.
const LOOK_BACK_MS: i64 = 25 * HOUR_MS;

/// How long a walk through everything is good for, in milliseconds: a day.
const WHOLE_MS: i64 = 24 * HOUR_MS;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// The final statuses, each a list of its own, in the order of the walk: money first.
const LISTS: [Status; 3] = [Status::Paid, Status::Expired, Status::Canceled];

/// The version of a cursor's text.
const VERSION: i64 = 1;

/// Set where a part of the list was left for the next walk through everything.
const LEFT: i64 = 1;
/// Set where something that was found could not be applied.
const FAILED: i64 = 2;

/// An invoice that was created before this is never applied, in milliseconds since 1970: not before
/// `since`, and, where final states are kept for `kept_ms` only, not within the last 30 days of
/// that, in which they may be gone.
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

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask Gwop for [`PAGE`] invoices of this status from this offset on.
    Page {
        /// The status to filter by.
        status: Status,
        /// How many to pass over.
        offset: i64,
    },
    /// Nothing: the run is over.
    Over {
        /// Whether everything that was found is applied. Where not, the next run looks as far back
        /// as this one did.
        complete: bool,
    },
}

/// How the pages of a list are ordered, as far as they have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// All invoices so far were created at one time.
    Unknown = 0,
    /// Every page is newest first.
    NewestFirst = 1,
    /// One was not.
    Other = 2,
}

/// One run through the lists, between two pages.
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
    /// When the run began.
    started: i64,
    /// When the last complete run began; 0 where there was none.
    completed: i64,
    /// The list, by its place in [`LISTS`]; behind the last one, the run is over.
    list: usize,
    offset: i64,
    order: Order,
    flags: i64,
}

impl Walk {
    /// Goes on from a cursor, or begins a run where the cursor is empty or that of a run that is
    /// over. `now` is in milliseconds since 1970. `None` where the text is no cursor.
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

    /// The walk as a text: digits and points, less than 100 of them.
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

    /// What to do next.
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

    /// When the last complete run began, in milliseconds since 1970; 0 where there was none.
    #[must_use]
    pub const fn completed(&self) -> i64 {
        self.completed
    }

    /// When this run began, in milliseconds since 1970.
    #[must_use]
    pub const fn started(&self) -> i64 {
        self.started
    }

    /// Takes the page that [`Self::next`] named, once all of it is applied that is not older than
    /// `floor`. `created` tells of its invoices, in Gwop's order, when they were created; `more`
    /// whether pages follow. `failed`: something of it could not be applied, so that the run will
    /// not count as complete.
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
        // A server that gives less than it was asked for is followed in smaller steps.
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

/// The numbers of a text such as `1.20.3`; none of an empty one. `None` where there is anything but
/// digits and points. What is beyond 2⁶³ wraps: no number of ours is.
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

    /// A Gwop: invoices as (created at, id), per list.
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

    /// Runs to the end; returns what was found at `floor` or later, how many pages were asked for,
    /// and whether it is complete.
    fn run(
        gwop: &mut Gwop,
        cursor: &mut String,
        now: i64,
        floor: i64,
        meanwhile: &mut dyn FnMut(&mut Gwop),
    ) -> (BTreeSet<u32>, usize, bool) {
        let (mut found, mut pages) = (BTreeSet::new(), 0);
        loop {
            // As after a crash: all that is known is the cursor.
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

    /// A list of `count` invoices within the day before `until`, newest first.
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
        // The last complete run was at the beginning of that day.
        let mut cursor = format!("1.{0}.{0}.3.0.0.0", now - DAY);
        let (found, pages, complete) = run(&mut gwop, &mut cursor, now, 0, &mut |_| {});
        assert!(complete);
        assert!((0..10_000).all(|id| found.contains(&id)));
        assert!(pages <= 10_000 / 90 + 10, "{pages}");
        // A quarter of an hour later: 25 hours are looked at again.
        let (_, pages, _) = run(&mut gwop, &mut cursor, now + 900_000, 0, &mut |_| {});
        assert!(pages <= 10_000 / 90 + 10, "{pages}");
        // A day and two hours later nothing of it is.
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
        // Oldest first, and the first page is of one moment: more than a day behind that, one that
        // is new.
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
                // Seven are paid, of any age; three are gone.
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
            // What came meanwhile, the next run finds; where the list is not newest first, that of
            // the next day.
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
