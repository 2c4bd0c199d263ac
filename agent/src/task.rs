//! Sequential code without I/O: an `async` function that asks for one effect at a time. The holder
//! of the task carries out each effect and steps the task. Dropping a task between two steps has
//! the effect of a crash at that point.

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
    /// Whether this is the request of the caller of a paying fetch, with the caller's headers and
    /// body.
    pub own: bool,
}

/// What a signer has to sign.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The wallet that signs.
    pub wallet: String,
    /// The network.
    pub chain: &'static str,
    /// On Base: the EIP-712 digest, in hexadecimal.
    pub digest: Option<String>,
    /// On Base: the typed data, as JSON.
    pub typed_data: Option<String>,
    /// On Solana: the message, in base64.
    pub message: Option<String>,
    /// On Solana: the whole transaction without signatures, in base64.
    pub transaction: Option<String>,
}

/// What is about to be paid, for approval by a person and for dry runs.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The id of the invoice or auth intent, or the hash of a request.
    pub invoice: String,
    /// The network.
    pub chain: &'static str,
    /// The wallet that pays.
    pub wallet: String,
    /// The address that is paid.
    pub pay_to: String,
    /// Atomic units of USDC.
    pub amount_usdc: u64,
    /// The URL that the payment is sent to.
    pub url: String,
    /// The merchant's name, if the invoice contains it. The server chose this text.
    pub merchant: Option<String>,
    /// What the payment is for, if the invoice says so. The server chose this text.
    pub description: Option<String>,
}

/// What the holder of a task does next.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send a request without following redirects. The reply is [`Reply::Response`] with status,
    /// headers and body, or [`Reply::Lost`].
    Http(Request),
    /// Read the journal's newest attempt for an invoice. The reply is [`Reply::Attempt`].
    Last {
        /// The invoice.
        invoice: String,
    },
    /// Reserve an attempt. The reply is [`Reply::Reserved`].
    Reserve {
        /// The attempt.
        attempt: Box<Attempt>,
        /// The limits that apply.
        limits: Limits,
    },
    /// Run the journal's compare-and-set. The reply is [`Reply::Yes`].
    Update {
        /// The id of the attempt.
        id: String,
        /// The state that it must have.
        from: State,
        /// The new state.
        to: State,
        /// The header, if it is about to be sent.
        header: Option<String>,
        /// The transaction, if it is known.
        transaction: Option<String>,
    },
    /// Read the journal's attempts that are not finished. The reply is [`Reply::Attempts`].
    Open,
    /// Sign. The reply is [`Reply::Bytes`].
    Sign(Box<Signing>),
    /// Ask a person to approve. The reply is [`Reply::Yes`].
    Approve(Box<Summary>),
    /// Get a block hash. The reply is [`Reply::Blockhash`].
    Blockhash {
        /// The network.
        chain: &'static str,
    },
    /// Get the block height. The reply is [`Reply::Height`].
    Height {
        /// The network.
        chain: &'static str,
    },
    /// Wait. The reply is [`Reply::Done`].
    Sleep {
        /// The time to wait, in milliseconds.
        ms: u64,
    },
    /// Get random bytes. The reply is [`Reply::Bytes`].
    Random {
        /// The number of bytes.
        count: u32,
    },
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// The `Date` header, in milliseconds since 1970.
    pub date: Option<u64>,
    /// The `PAYMENT-REQUIRED` header.
    pub required: Option<String>,
    /// The `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE` header.
    pub payment_response: Option<String>,
    /// Its body. Empty if it was not read.
    pub body: String,
}

/// The result of an effect.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A response.
    Response(Response),
    /// No response: the connection was refused or cut, or it took too long. Whether the request
    /// arrived is unknown.
    Lost,
    /// An attempt, or `None`.
    Attempt(Option<Box<Attempt>>),
    /// Whether the attempt was reserved, or the reason why not.
    Reserved(Result<(), Box<Refusal>>),
    /// Attempts.
    Attempts(Vec<Attempt>),
    /// Yes or no.
    Yes(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A block hash and the last height at which it is valid.
    Blockhash(String, Option<u64>),
    /// A block height.
    Height(u64),
    /// The effect was carried out.
    Done,
    /// The effect failed: the journal, the signer or the callback threw, or returned something that
    /// cannot be read.
    Failed,
}

/// The next effect of a task, or its result.
#[derive(Debug)]
pub enum Step<T> {
    /// Carry out this effect, then step the task with the reply.
    Ask(Effect),
    /// The task has ended.
    Done(Result<T>),
}

/// The channel between a task and its holder.
#[derive(Clone, Default)]
pub struct Io(Rc<Slot>);

#[derive(Default)]
struct Slot {
    effect: RefCell<Option<Effect>>,
    reply: RefCell<Option<Reply>>,
    now: Cell<u64>,
    /// The server's clock minus the agent's, in milliseconds.
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
    /// Asks the holder to carry out an effect, and returns the reply.
    pub async fn ask(&self, effect: Effect) -> Reply {
        self.0.effect.replace(Some(effect));
        Asked(&self.0).await
    }

    /// Returns the agent's clock at the last step, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    /// Records a server's time.
    pub fn note_date(&self, date: u64) {
        let (date, own) = (i64::try_from(date), i64::try_from(self.now()));
        if let (Ok(date), Ok(own)) = (date, own) {
            self.0.skew.set(Some(date.saturating_sub(own)));
        }
    }

    /// Returns the server's current time, if a server has sent it.
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
    /// Creates a task from the future that `run` returns.
    pub fn new<F>(run: impl FnOnce(Io) -> F) -> Self
    where
        F: Future<Output = Result<T>> + 'static,
    {
        let io = Io::default();
        let future = Box::pin(run(io.clone()));
        Self { io, future }
    }

    /// Continues with the reply to the last effect, or with `None` at the start. `now` is the
    /// agent's clock in milliseconds.
    pub fn step(&mut self, reply: Option<Reply>, now: u64) -> Step<T> {
        self.io.0.now.set(now);
        self.io.0.reply.replace(reply);
        let mut context = Context::from_waker(Waker::noop());
        match self.future.as_mut().poll(&mut context) {
            Poll::Ready(result) => Step::Done(result),
            Poll::Pending => match self.io.0.effect.take() {
                Some(effect) => Step::Ask(effect),
                // The task was stepped without the reply that it waits for.
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
