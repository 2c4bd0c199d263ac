//! The effects that the rules ask for, and the reply to each.

use crate::attempt::{Attempt, Clocks, State};
use crate::failure::{Failure, Phase, Result};
use crate::limits::{Limits, Refusal};
#[allow(unused_imports)]
use crate::prelude::*;
use crate::task::{Effect, Io, Reply, Request, Response, Signing, Summary};

/// Returns the failure of a journal that threw or returned something that cannot be read.
fn journal(phase: Phase) -> Box<Failure> {
    let message =
        "the journal failed: nothing is signed or sent without it. Its own error is the cause";
    Failure::new("JOURNAL_FAILED", phase, message)
}

impl Io {
    /// Sends a request. `None` if no response arrived.
    pub async fn http(&self, request: Request) -> Option<Response> {
        let Reply::Response(response) = self.ask(Effect::Http(request)).await else {
            return None;
        };
        if let Some(date) = response.date {
            self.note_date(date);
        }
        Some(response)
    }

    /// Returns the current clocks.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        Clocks {
            own: self.now(),
            server: self.server_time(),
        }
    }

    /// Returns the journal's newest attempt.
    ///
    /// # Errors Returns an error if the journal fails.
    pub async fn last(&self, invoice: &str) -> Result<Option<Attempt>> {
        let invoice = invoice.to_owned();
        match self.ask(Effect::Last { invoice }).await {
            Reply::Attempt(attempt) => Ok(attempt.map(|attempt| *attempt)),
            _ => Err(journal(Phase::Discover)),
        }
    }

    /// Returns the height of a chain's blocks. `None` if there is no callback, or it does not know.
    pub async fn height(&self, chain: &'static str, is_known: bool) -> Option<u64> {
        if !is_known {
            return None;
        }
        match self.ask(Effect::Height { chain }).await {
            Reply::Height(height) => Some(height),
            _ => None,
        }
    }

    /// Reserves an attempt.
    ///
    /// # Errors Returns an error if the journal fails.
    pub async fn reserve(
        &self,
        attempt: &Attempt,
        limits: &Limits,
    ) -> Result<Result<(), Box<Refusal>>> {
        let attempt = Box::new(attempt.clone());
        let limits = *limits;
        match self.ask(Effect::Reserve { attempt, limits }).await {
            Reply::Reserved(result) => Ok(result),
            _ => Err(journal(Phase::Limit)),
        }
    }

    /// Runs the journal's compare-and-set. `None` if the journal failed and the state is unknown.
    pub async fn update(
        &self,
        id: &str,
        from: State,
        to: State,
        header: Option<String>,
        transaction: Option<String>,
    ) -> Option<bool> {
        let id = id.to_owned();
        let effect = Effect::Update {
            id,
            from,
            to,
            header,
            transaction,
        };
        match self.ask(effect).await {
            Reply::Yes(done) => Some(done),
            _ => None,
        }
    }

    /// Returns the attempts that are not finished.
    ///
    /// # Errors Returns an error if the journal fails.
    pub async fn open(&self) -> Result<Vec<Attempt>> {
        match self.ask(Effect::Open).await {
            Reply::Attempts(attempts) => Ok(attempts),
            _ => Err(journal(Phase::Discover)),
        }
    }

    /// Returns a signature.
    ///
    /// # Errors Returns an error if the signer fails.
    pub async fn sign(&self, signing: Signing) -> Result<Vec<u8>> {
        match self.ask(Effect::Sign(Box::new(signing))).await {
            Reply::Bytes(bytes) => Ok(bytes),
            _ => {
                let message = "the signer failed or gave no signature; its own error is the \
                    cause. Nothing was sent";
                Err(Failure::new("SIGNER_FAILED", Phase::Sign, message))
            }
        }
    }

    /// Returns whether a person approves.
    ///
    /// # Errors Returns an error if the person cannot be asked.
    pub async fn approve(&self, summary: Summary) -> Result<bool> {
        match self.ask(Effect::Approve(Box::new(summary))).await {
            Reply::Yes(yes) => Ok(yes),
            _ => {
                let message = "`approve` failed; its own error is the cause. Nothing was signed";
                Err(Failure::new("NOT_APPROVED", Phase::Limit, message))
            }
        }
    }

    /// Waits.
    pub async fn sleep(&self, ms: u64) {
        self.ask(Effect::Sleep { ms }).await;
    }

    /// Returns random bytes.
    ///
    /// # Errors Returns an error if there is no source of randomness.
    pub async fn random(&self, count: u32) -> Result<Vec<u8>> {
        match self.ask(Effect::Random { count }).await {
            Reply::Bytes(bytes) if u32::try_from(bytes.len()) == Ok(count) => Ok(bytes),
            _ => {
                let message = "this runtime gave no random bytes. Nothing was signed";
                Err(Failure::new("INTERNAL_ERROR", Phase::Sign, message))
            }
        }
    }
}
