//! What the alarm of shard 0 does for reconciliation: asks Gwop for a page, and every shard for
//! what of it is missing there.

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

/// How long one step may take, in milliseconds: the outbox of this shard waits meanwhile.
const STEP_MS: i64 = 5_000;

/// How many failures of a step, one after another, are no alert yet: Gwop may be well again soon.
/// The one after them comes within 20 seconds.
const QUIET_FAILURES: i64 = 2;

/// After how many failures of a step, one after another, a public invoice for which Gwop
/// does not respond is passed over: some three minutes.
const PATIENT_FAILURES: i64 = 5;

/// How many invoices are kept in mind that were passed over.
const PASSED_OVER: usize = 10_000;

/// Why a step ends before its time.
enum Stop {
    /// Gwop did not respond, or not what can be read.
    Gwop(Refused),
    /// A shard did not.
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

/// What one page came to.
struct Paged {
    counts: Counts,
    /// Whether all of it is done: otherwise the next step begins with it again.
    whole: bool,
    /// Whether something of it could not be applied, and the next run has to look at it again.
    failed: bool,
}

impl GwopLedger {
    /// Does the step of the run that is due. Returns when there is work next, in milliseconds since
    /// the epoch; `None` where no step was due.
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
            // With what: it can be told when the merchant's settings can be read.
            return Ok(Some(now_ms().saturating_add(schedule::ALARM_AGAIN_MS)));
        }
        if let Err(stop) = self.walk_step(&run).await {
            self.stopped(&run, &stop)?;
        }
        let on = config::missing_for_fulfillment(&self.env()).is_empty();
        // Where fulfillment is switched off, when to look again is for the next alarm to say.
        let next = if on { self.store.next_job(on)? } else { None };
        let next = next.unwrap_or_else(now_ms);
        let alert = self.next_alert()?;
        Ok(Some(alert.map_or(next, |alert| alert.min(next))))
    }

    /// Keeps in mind when the step is tried again.
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

    /// Somebody should be told that reconciliation fails.
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
        // A cursor that cannot be read is one of a later version, whose Worker was rolled back.
        let resumed = Walk::resume(&run.cursor, began);
        let Some(mut walk) = resumed.or_else(|| Walk::resume("", began)) else {
            return Ok(());
        };
        let since = config::reconcile_since(&self.env()).unwrap_or(run.since);
        let floor = floor(since, Some(self.times.invoices), began);
        let mut budget =
            config::reconcile_subrequests(&self.env()).saturating_sub(self.batches.get());
        while let Next::Page { status, offset } = walk.next() {
            // A page needs the list and every shard, and time is for the outbox too.
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

    /// Applies what of a page is missing. Spends of the budget what it asks for.
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
        // What the shards cost that have to be asked again.
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
            // One is asked for whatever is left, so that every step comes further.
            if !is_first && *budget <= reserve {
                whole = false;
                break;
            }
            is_first = false;
            *budget = budget.saturating_sub(1);
            let text = match call_once(&self.env(), "invoices.get", &json!({ "id": id })).await {
                Ok(text) => text,
                // What the list says has to do.
                Err(refused) if refused.is_missing => "{}".to_owned(),
                // Gwop responds for the list, and never for this one: it holds up no other, and the
                // next run asks again.
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
                    // What is known by now is applied before the wait.
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

    /// Says of which invoice no event can be made.
    fn unusable(&self, found: &Found<'_>, counts: &mut Counts) {
        counts.unusable = counts.unusable.saturating_add(1);
        let id = found.invoice_id().unwrap_or_default();
        self.log_error("reconcile_unusable", &[("invoice_id", id.into())]);
    }

    /// Keeps in mind that no event can be made of an invoice in this run: the next step does not
    /// begin with it again.
    fn pass_over(&self, found: &Found<'_>, no_response: bool, counts: &mut Counts) {
        self.unusable(found, counts);
        let id = found.public_invoice_id().unwrap_or_default();
        let mut passed_over = self.passed_over.borrow_mut();
        if passed_over.len() >= PASSED_OVER {
            passed_over.clear();
        }
        passed_over.insert(id, no_response);
    }

    /// Asks each shard about its candidates. Returns those that want the public invoice.
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

/// The event as a candidate; `None` where it is none that fulfillment could read.
fn candidate(found: &Found<'_>, event: String, lacking: bool) -> Option<Candidate> {
    let delivery = verify::derived(&event, lacking)?;
    Some(Candidate {
        delivery,
        body: event,
        created_at: found.created_at,
        lacking,
    })
}
