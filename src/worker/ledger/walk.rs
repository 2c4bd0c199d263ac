//! Reconciliation in the alarm of shard 0: requests a page from Gwop, and asks every shard which
//! events of it are missing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::client::{LedgerError, call_at, shards};
use super::legacy;
use super::messages::{Call, Candidate, Verdict};
use super::object::GwopLedger;
use super::operator_messages::AlertKind;
use super::reconciliation::{Counts, Run};
use super::shard::shard_of;
use crate::json::Value;
use crate::reconcile::{Found, Next, PAGE, Page, Walk, floor};
use crate::worker::gwop::{Refused, call_once};
use crate::worker::platform::config::{self, Out};
use crate::worker::platform::{log, now_ms};
use crate::worker::{schedule, verify};

/// The maximum time of one step, in milliseconds. The outbox of this shard waits for it.
const STEP_MS: i64 = 5_000;

/// How many failures of a step in a row raise no alert, because Gwop may recover soon. The next
/// failure comes within 20 seconds.
const QUIET_FAILURES: i64 = 2;

/// After this many failures of a step in a row, a public invoice for which Gwop does not respond is
/// passed over. That takes about three minutes.
const PATIENT_FAILURES: i64 = 5;

/// How many passed-over invoices are remembered.
const PASSED_OVER: usize = 10_000;

/// Why a step ends early.
enum Stop {
    /// Gwop did not respond, or its response is unreadable.
    Gwop(Refused),
    /// A shard did not respond.
    Ledger(LedgerError),
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Gwop(refused)
    }
}

/// The result of one page.
struct Paged {
    counts: Counts,
    /// Whether the whole page is finished. Otherwise the next step begins with it again.
    whole: bool,
    /// Whether a part of it could not be applied, and the next run has to try it again.
    failed: bool,
}

impl GwopLedger {
    /// Runs the due step of the run. Returns when the next work is due, in milliseconds since the
    /// epoch, or `None` if no step was due.
    pub(super) async fn walk_due_step(&self) -> Result<Option<i64>, LedgerError> {
        if self.settings()?.is_none_or(|settings| settings.shard != 0) {
            return Ok(None);
        }
        let Some(run) = self.store.walk(&self.merchant())? else {
            return Ok(None);
        };
        if run.due_at > now_ms() {
            return Ok(None);
        }
        if config::out(&self.env()) == Some(Out::Unread) {
            // The step needs the merchant's settings, so it waits until they can be read.
            return Ok(Some(now_ms().saturating_add(schedule::ALARM_AGAIN_MS)));
        }
        if let Err(stop) = self.walk_step(&run).await {
            self.stopped(&run, &stop)?;
        }
        let on = config::missing_for_fulfillment(&self.env()).is_empty();
        // If fulfillment is switched off, the next alarm determines when to look again.
        let next = if on { self.store.next_job(on)? } else { None };
        let next = next.unwrap_or_else(now_ms);
        let alert = self.next_alert()?;
        Ok(Some(alert.map_or(next, |alert| alert.min(next))))
    }

    /// Stores when to try the step again.
    fn stopped(&self, run: &Run, stop: &Stop) -> Result<(), LedgerError> {
        let (error, wait) = match stop {
            Stop::Gwop(refused) => (refused.brief.clone(), refused.wait_ms),
            Stop::Ledger(error) => (error.to_string(), None),
        };
        let pause = schedule::walk_ms(run.failures).max(wait.unwrap_or_default());
        self.log_error(
            "reconcile_failed",
            &[
                ("error", error.as_str().into()),
                ("failures", run.failures.saturating_add(1).into()),
                ("again_ms", pause.into()),
            ],
        );
        let due_at = now_ms().saturating_add(pause);
        self.store
            .walk_failed(&self.merchant(), Some(due_at), &error)?;
        if run.failures >= QUIET_FAILURES {
            self.raise_failed()?;
        }
        Ok(())
    }

    /// Raises an alert because reconciliation fails.
    fn raise_failed(&self) -> Result<(), LedgerError> {
        let kind = AlertKind::ReconciliationFailed;
        Ok(self.store.raise(kind, 1, now_ms())?)
    }

    async fn walk_step(&self, run: &Run) -> Result<(), Stop> {
        let missing = config::missing_for_reconciliation(&self.env());
        if !missing.is_empty() {
            let error = ["not configured: ", &missing.join(", ")].concat();
            self.log_error("reconcile_failed", &[("error", error.as_str().into())]);
            self.store
                .walk_failed(&self.merchant(), None, &error)
                .map_err(LedgerError::from)?;
            return Ok(self.raise_failed()?);
        }
        let shards = shards(&self.env())?;
        let began = now_ms();
        // An unreadable cursor comes from a later version that was rolled back.
        let resumed = Walk::resume(&run.cursor, began);
        let Some(mut walk) = resumed.or_else(|| Walk::resume("", began)) else {
            return Ok(());
        };
        let since = config::reconcile_since(&self.env()).unwrap_or(run.since);
        let floor = floor(since, Some(self.times.invoices), began);
        let mut budget =
            config::reconcile_subrequests(&self.env()).saturating_sub(self.batches.get());
        while let Next::Page { status, offset } = walk.next() {
            // A page needs the list and every shard, and the outbox needs time too.
            let spent = now_ms().saturating_sub(began) > STEP_MS;
            if spent || budget <= i64::from(shards) {
                break;
            }
            let argument = json!({ "status": status.as_str(), "limit": PAGE, "offset": offset });
            budget = budget.saturating_sub(1);
            let text = call_once(&self.env(), "invoices.list", &argument).await?;
            let page = Page::read(&text).ok_or_else(|| Refused {
                brief: "ResponseValidationError invoices.list".to_owned(),
                wait_ms: None,
                is_missing: false,
            })?;
            let paged = self
                .apply_page(&page, floor, shards, run.failures, &mut budget)
                .await?;
            if paged.whole {
                walk.turn(&page.created(), page.more, floor, paged.failed);
            }
            self.store
                .walked(&self.merchant(), &walk, paged.counts, now_ms())
                .map_err(LedgerError::from)?;
            if !paged.whole {
                break;
            }
        }
        if let Next::Over { complete } = walk.next() {
            self.passed_over.borrow_mut().clear();
            let run = self.store.reconciliation(&self.merchant());
            if let Some(run) = run.map_err(LedgerError::from)? {
                log::line_of(
                    &self.env(),
                    log::Level::Info,
                    "reconciled",
                    &[
                        ("complete", complete.into()),
                        ("pages", run.pages.into()),
                        ("applied", run.applied.into()),
                        ("conflicts", run.conflicts.into()),
                        ("unusable", run.unusable.into()),
                    ],
                );
            }
        }
        Ok(())
    }

    /// Applies the missing events of a page. Subtracts its calls from the budget.
    async fn apply_page(
        &self,
        page: &Page<'_>,
        floor: i64,
        shards: u32,
        failures: i64,
        budget: &mut i64,
    ) -> Result<Paged, Stop> {
        let merchant_id = config::text(&self.env(), config::GWOP_MERCHANT_ID).unwrap_or_default();
        let merchant_id = json!(merchant_id).to_string();
        let mut counts = Counts {
            pages: 1,
            ..Counts::default()
        };
        let found: Vec<&Found<'_>> = page
            .found
            .iter()
            .filter(|found| found.created_at >= floor && found.status().is_some())
            .collect();
        let mut candidates = vec![];
        for (at, found) in found.iter().enumerate() {
            let lacking = found.wants_details();
            let event = found.event(&merchant_id, None);
            match event.and_then(|event| candidate(found, event, lacking)) {
                Some(candidate) => candidates.push((at, candidate)),
                None => self.unusable(found, &mut counts),
            }
        }
        let wanted = self.ask(candidates, shards, budget, &mut counts).await?;
        let (mut detailed, mut whole, mut is_first, mut failed) = (vec![], true, true, false);
        // The calls to the shards that have to be asked again.
        let (mut again, mut reserve) = (BTreeSet::new(), 0_i64);
        let may_adopt = legacy::may_hold(&self.env(), &self.merchant());
        for at in wanted {
            let Some(found) = found.get(at) else { continue };
            let id = found.public_invoice_id().unwrap_or_default();
            if let Some(no_response) = self.passed_over.borrow().get(&id) {
                failed |= no_response;
                continue;
            }
            let invoice_id = found.invoice_id().unwrap_or_default();
            let shard = shard_of(&self.merchant(), &invoice_id, shards);
            let cost = match shard {
                0 if may_adopt => 2,
                0 => 0,
                _ => i64::from(again.insert(shard)),
            };
            reserve = reserve.saturating_add(cost);
            // The first invoice is requested with any budget, so that every step makes progress.
            if !is_first && *budget <= reserve {
                whole = false;
                break;
            }
            is_first = false;
            *budget = budget.saturating_sub(1);
            let text = match call_once(&self.env(), "invoices.get", &json!({ "id": id })).await {
                Ok(text) => text,
                // Only the data of the list is available.
                Err(refused) if refused.is_missing => "{}".to_owned(),
                // Gwop responds to the list, but never to this invoice. The invoice delays no other
                // one, and the next run asks for it again.
                Err(refused) if failures >= PATIENT_FAILURES && refused.wait_ms.is_none() => {
                    let error = ("error", refused.brief.as_str().into());
                    self.log_error(
                        "reconcile_unanswered",
                        &[("invoice_id", invoice_id.as_str().into()), error],
                    );
                    self.pass_over(found, true, &mut counts);
                    failed = true;
                    continue;
                }
                Err(refused) => {
                    // Applies what is known so far before the wait.
                    self.ask(detailed, shards, budget, &mut counts).await?;
                    return Err(refused.into());
                }
            };
            let details = Value::parse(text.as_bytes())
                .ok()
                .and_then(Value::as_object);
            let event = found.event(&merchant_id, details.as_ref());
            match event.and_then(|event| candidate(found, event, false)) {
                Some(candidate) => detailed.push((at, candidate)),
                None => self.pass_over(found, false, &mut counts),
            }
        }
        self.ask(detailed, shards, budget, &mut counts).await?;
        Ok(Paged {
            counts,
            whole,
            failed,
        })
    }

    /// Counts and logs an invoice that cannot be converted to an event.
    fn unusable(&self, found: &Found<'_>, counts: &mut Counts) {
        counts.unusable = counts.unusable.saturating_add(1);
        let id = found.invoice_id().unwrap_or_default();
        self.log_error("reconcile_unusable", &[("invoice_id", id.into())]);
    }

    /// Remembers that an invoice cannot be converted to an event in this run. The next step does
    /// not begin with it again.
    fn pass_over(&self, found: &Found<'_>, no_response: bool, counts: &mut Counts) {
        self.unusable(found, counts);
        let id = found.public_invoice_id().unwrap_or_default();
        let mut passed_over = self.passed_over.borrow_mut();
        if passed_over.len() >= PASSED_OVER {
            passed_over.clear();
        }
        passed_over.insert(id, no_response);
    }

    /// Sends each shard its candidates. Returns those that need the public invoice.
    async fn ask(
        &self,
        candidates: Vec<(usize, Candidate)>,
        shards: u32,
        budget: &mut i64,
        counts: &mut Counts,
    ) -> Result<Vec<usize>, Stop> {
        let merchant = self.merchant();
        let mut by_shard: BTreeMap<u32, Vec<(usize, Candidate)>> = BTreeMap::new();
        for (at, mut candidate) in candidates {
            candidate.delivery.merchant.clone_from(&merchant);
            let shard = shard_of(&merchant, &candidate.delivery.invoice_id, shards);
            by_shard.entry(shard).or_default().push((at, candidate));
        }
        let mut wanted = vec![];
        for (shard, of_shard) in by_shard {
            let (places, candidates): (Vec<usize>, Vec<Candidate>) = of_shard.into_iter().unzip();
            let verdicts = if shard == 0 {
                if legacy::may_hold(&self.env(), &merchant) {
                    let asked = i64::try_from(candidates.len()).unwrap_or(i64::MAX);
                    *budget = budget.saturating_sub(asked.saturating_mul(2));
                }
                self.compare(candidates).await?
            } else {
                *budget = budget.saturating_sub(1);
                call_at(&self.env(), shard, Call::Compare { candidates }).await?
            };
            for (at, verdict) in places.into_iter().zip(verdicts) {
                match verdict {
                    Verdict::Applied => counts.applied = counts.applied.saturating_add(1),
                    Verdict::Conflict => counts.conflicts = counts.conflicts.saturating_add(1),
                    Verdict::Wanted => wanted.push(at),
                    Verdict::Known => {}
                }
            }
        }
        wanted.sort_unstable();
        Ok(wanted)
    }
}

/// Returns the event as a candidate, or `None` if fulfillment could not read it.
fn candidate(found: &Found<'_>, event: String, lacking: bool) -> Option<Candidate> {
    let delivery = verify::derived(&event, lacking)?;
    Some(Candidate {
        delivery,
        body: event,
        created_at: found.created_at,
        lacking,
    })
}
