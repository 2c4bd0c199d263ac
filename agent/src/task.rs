//! Straight-line code without I/O: an `async` function that asks for effects, one at a time, and is
//! stepped by whoever carries them out. A task that is dropped between two steps is a crash at that
//! place.

use crate::attempt::{Attempt, State};
use crate::failure::{Failure, Result};
use crate::limits::{Limits, Refusal};
#[allow(unused_imports)]
use crate::prelude::*;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its URL.
    pub url: String,
    /// The payment header: name and value.
    pub payment: Option<(String, String)>,
    /// Whether it is the request of the caller of a paying fetch, with its headers and body.
    pub own: bool,
}

/// What a signer is asked for.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The wallet that signs.
    pub wallet: String,
    /// The network.
    pub chain: &'static str,
    /// On Base: EIP-712's digest, hexadecimal.
    pub digest: Option<String>,
    /// On Base: the typed data, JSON.
    pub typed_data: Option<String>,
    /// On Solana: the message, base64.
    pub message: Option<String>,
    /// On Solana: the whole transaction without signatures, base64.
    pub transaction: Option<String>,
}

/// What is about to be paid, for a person and for dry runs.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The invoice, the auth intent, or the hash of a request.
    pub invoice: String,
    /// The network.
    pub chain: &'static str,
    /// Who pays.
    pub wallet: String,
    /// Who is paid.
    pub pay_to: String,
    /// Atomic units of USDC.
    pub amount_usdc: u64,
    /// Where the payment is sent.
    pub url: String,
    /// The merchant's name, where the invoice tells it. It is the server's text.
    pub merchant: Option<String>,
    /// What it is for, likewise.
    pub description: Option<String>,
}

/// What the holder of a task does next.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Sends a request, follows no redirect, and gives status, headers and body:
    /// [`Reply::Response`] or [`Reply::Lost`].
    Http(Request),
    /// The journal's newest attempt for an invoice: [`Reply::Attempt`].
    Last {
        /// The invoice.
        invoice: String,
    },
    /// Reserves: [`Reply::Reserved`].
    Reserve {
        /// What.
        attempt: Box<Attempt>,
        /// Within what.
        limits: Limits,
    },
    /// The journal's compare-and-set: [`Reply::Yes`].
    Update {
        /// The attempt.
        id: String,
        /// The state that it must be in.
        from: State,
        /// The state that it gets.
        to: State,
        /// The header, where it is about to leave.
        header: Option<String>,
        /// The transaction, where it is known.
        transaction: Option<String>,
    },
    /// The journal's attempts that are not finished: [`Reply::Attempts`].
    Open,
    /// Signs: [`Reply::Bytes`].
    Sign(Box<Signing>),
    /// Asks a person: [`Reply::Yes`].
    Approve(Box<Summary>),
    /// Asks for a block hash: [`Reply::Blockhash`].
    Blockhash {
        /// The network.
        chain: &'static str,
    },
    /// Asks for the block height: [`Reply::Height`].
    Height {
        /// The network.
        chain: &'static str,
    },
    /// Waits: [`Reply::Done`].
    Sleep {
        /// Milliseconds.
        ms: u64,
    },
    /// Random bytes: [`Reply::Bytes`].
    Random {
        /// How many.
        count: u32,
    },
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// `Date`, in milliseconds since 1970.
    pub date: Option<u64>,
    /// `PAYMENT-REQUIRED`.
    pub required: Option<String>,
    /// `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
    pub payment_response: Option<String>,
    /// Its body; empty where it was not read.
    pub body: String,
}

/// What came of an effect.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A response.
    Response(Response),
    /// No response: refused, cut off, or too late. Whether the request arrived is not known.
    Lost,
    /// An attempt, or none.
    Attempt(Option<Box<Attempt>>),
    /// Reserved, or why not.
    Reserved(Result<(), Box<Refusal>>),
    /// Attempts.
    Attempts(Vec<Attempt>),
    /// Whether.
    Yes(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A block hash and its last height.
    Blockhash(String, Option<u64>),
    /// A block height.
    Height(u64),
    /// It is done.
    Done,
    /// It could not be done: the journal, the signer or the callback threw, or gave what cannot be
    /// read.
    Failed,
}

/// A task's next wish, or its end.
#[derive(Debug)]
pub enum Step<T> {
    /// Carry this out, and come back with the reply.
    Ask(Effect),
    /// It has ended.
    Done(Result<T>),
}

/// Where a task and its holder meet.
#[derive(Clone, Default)]
pub struct Io(Rc<Slot>);

#[derive(Default)]
struct Slot {
    effect: RefCell<Option<Effect>>,
    reply: RefCell<Option<Reply>>,
    now: Cell<u64>,
    /// The server's clock less the agent's, in milliseconds.
    skew: Cell<Option<i64>>,
}

/// The pending reply to one effect.
struct Asked<'a>(&'a Slot);

impl Future for Asked<'_> {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Reply> {
        match self.0.reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        }
    }
}

impl Io {
    /// Asks for an effect.
    pub async fn ask(&self, effect: Effect) -> Reply {
        self.0.effect.replace(Some(effect));
        Asked(&self.0).await
    }

    /// The agent's clock, in milliseconds since 1970, as of the last step.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    /// Notes a server's time.
    pub fn note_date(&self, date: u64) {
        let (date, own) = (i64::try_from(date), i64::try_from(self.now()));
        if let (Ok(date), Ok(own)) = (date, own) {
            self.0.skew.set(Some(date.saturating_sub(own)));
        }
    }

    /// The server's time now, where it has told it.
    #[must_use]
    pub fn server_time(&self) -> Option<u64> {
        let own = i64::try_from(self.now()).ok()?;
        u64::try_from(own.saturating_add(self.0.skew.get()?)).ok()
    }
}

/// A function that asks for effects.
pub struct Task<T> {
    io: Io,
    future: Pin<Box<dyn Future<Output = Result<T>>>>,
}

impl<T> Task<T> {
    /// Makes a task of what `run` gives.
    pub fn new<F>(run: impl FnOnce(Io) -> F) -> Self
    where
        F: Future<Output = Result<T>> + 'static,
    {
        let io = Io::default();
        let future = Box::pin(run(io.clone()));
        Self { io, future }
    }

    /// Goes on with the reply to the last effect; `None` at the start. `now` is the agent's clock,
    /// in milliseconds.
    pub fn step(&mut self, reply: Option<Reply>, now: u64) -> Step<T> {
        self.io.0.now.set(now);
        self.io.0.reply.replace(reply);
        let mut context = Context::from_waker(Waker::noop());
        match self.future.as_mut().poll(&mut context) {
            Poll::Ready(result) => Step::Done(result),
            Poll::Pending => match self.io.0.effect.take() {
                Some(effect) => Step::Ask(effect),
                // Stepped without the reply that it waits for.
                None => Step::Done(Err(Failure::new(
                    "INTERNAL_ERROR",
                    crate::failure::Phase::Discover,
                    "a step came without a reply",
                )
                .unsettled())),
            },
        }
    }
}
