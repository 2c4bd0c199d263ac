//! An attempt to pay: what a journal stores about it, and its states.

use crate::json::Value;
use crate::network::Network;
#[allow(unused_imports)]
use crate::prelude::*;

/// How long after `validBefore` an authorization on Base is assumed to have no effect, in seconds.
/// By then everything that was broadcast in time has been seen.
pub const MARGIN_S: u64 = 120;

/// The same margin if no server has sent its time. The agent's clock may be ahead by this much.
pub const MARGIN_WITHOUT_DATE_S: u64 = 900;

/// How long a transaction on Solana can settle if no block height is known, in seconds.
pub const SOLANA_LIFE_S: u64 = 900;

/// The state of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Counted by the limits. Nothing has been sent.
    Reserved,
    /// Its header was sent, or was about to be sent. Whether it settled is unknown.
    Sent,
    /// The server refused it. It can still settle while it is valid.
    Refused,
    /// It was paid.
    Settled,
    /// It can no longer settle, and the server does not know of a settlement.
    Lapsed,
    /// It was given up before anything was sent.
    Released,
}

impl State {
    /// Reads a state from its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "reserved" => Self::Reserved,
            "sent" => Self::Sent,
            "refused" => Self::Refused,
            "settled" => Self::Settled,
            "lapsed" => Self::Lapsed,
            "released" => Self::Released,
            _ => return None,
        })
    }

    /// Returns whether the attempt still has to be finished. An invoice has at most one such
    /// attempt.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Reserved | Self::Sent)
    }

    /// Returns whether the limits count it. Once a payment was sent it counts for good, because a
    /// server that refused it or does not know it proves nothing.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Released)
    }
}

/// The kind of thing that is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An invoice. It is paid only once.
    Invoice,
    /// An auth intent. It is paid only once.
    Login,
    /// A request to an x402 server. Once it was paid, the same request is a new purchase.
    Fetch,
}

impl Kind {
    /// Reads a kind from its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "invoice" => Self::Invoice,
            "login" => Self::Login,
            "fetch" => Self::Fetch,
            _ => return None,
        })
    }
}

/// What a journal stores about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 32 hexadecimal digits. Also the id in the `payment-identifier` extension.
    pub id: String,
    /// What is paid for: the id of an invoice or auth intent, or the hash of a request.
    pub invoice: String,
    /// Which kind of thing `invoice` identifies.
    pub kind: Kind,
    /// The name of the network, such as `base`.
    pub chain: &'static str,
    /// The URL that the payment is sent to.
    pub url: String,
    /// The HTTP method that it is sent with.
    pub method: String,
    /// The name of the header that it is sent in.
    pub header_name: String,
    /// The wallet that pays.
    pub wallet: String,
    /// The address that is paid.
    pub pay_to: String,
    /// Atomic units of USDC.
    pub amount: u64,
    /// What the chain accepts only once, as `0x` and 64 digits. On Base this is the nonce, on
    /// Solana the SHA-256 hash of the message.
    pub nonce: String,
    /// On Base: the Unix time in seconds from which it can no longer settle.
    pub valid_before: Option<u64>,
    /// On Solana: the last height at which it can settle, if the challenge or the callback gave it.
    pub last_valid_block_height: Option<u64>,
    /// Whether an earlier attempt at the same thing has been sent.
    pub again: bool,
    /// Its state.
    pub state: State,
    /// The value of the payment header, set from [`State::Sent`] on.
    pub header: Option<String>,
    /// The transaction, once it is known.
    pub transaction: Option<String>,
    /// When it was reserved, in milliseconds since 1970 on the agent's clock.
    pub reserved_at: u64,
}

impl Attempt {
    /// Reads an attempt that a journal returned. `None` if a member is missing or has the wrong
    /// type.
    #[must_use]
    pub fn read(value: Value<'_>) -> Option<Self> {
        let members = value.as_object()?;
        let text = |name| members.get(name)?.to_text();
        // A journal may leave out members that are null.
        let given = |name| members.get(name).filter(|value| !value.is_null());
        let optional = |name| match given(name) {
            None => Some(None),
            Some(value) => value.to_text().map(Some),
        };
        let number = |value: Value<'_>| u64::try_from(value.as_integer()?).ok();
        let optional_number = |name| match given(name) {
            None => Some(None),
            Some(value) => number(value).map(Some),
        };
        Some(Self {
            id: text("id")?,
            invoice: text("invoice")?,
            kind: Kind::parse(&text("kind")?)?,
            chain: Network::parse(&text("chain")?)?.name(),
            url: text("url")?,
            method: text("method")?,
            header_name: text("headerName")?,
            wallet: text("wallet")?,
            pay_to: text("payTo")?,
            amount: number(members.get("amount")?)?,
            nonce: text("nonce")?,
            valid_before: optional_number("validBefore")?,
            last_valid_block_height: optional_number("lastValidBlockHeight")?,
            again: members.get("again")?.as_bool()?,
            state: State::parse(&text("state")?)?,
            header: optional("header")?,
            transaction: optional("transaction")?,
            reserved_at: number(members.get("reservedAt")?)?,
        })
    }

    /// Returns the network. Only known networks are ever read.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::parse(self.chain).unwrap_or(Network::Base)
    }

    /// Returns the state for an attempt that is given up before it was sent. The state has to
    /// remember that an earlier attempt may have settled or may still settle.
    #[must_use]
    pub const fn given_up(&self) -> State {
        match (self.again, self.valid_before) {
            (false, _) => State::Released,
            // An attempt with the same nonce was sent before.
            (true, Some(_)) => State::Refused,
            (true, None) => State::Lapsed,
        }
    }

    /// Returns when a payment on another chain is allowed, in milliseconds since 1970. That payment
    /// would not share a nonce with this one. A server can lie about its clock, so the agent's own
    /// clock decides, although it may be ahead.
    #[must_use]
    pub fn other_chains_from(&self) -> u64 {
        let valid_before = self.valid_before.unwrap_or(0);
        let after = valid_before.saturating_add(MARGIN_WITHOUT_DATE_S);
        after.saturating_mul(1_000)
    }

    /// Returns whether a payment on another chain is not allowed yet, by the agent's clock.
    #[must_use]
    pub fn blocks_other_chains(&self, now: u64) -> bool {
        self.valid_before.is_some() && now <= self.other_chains_from()
    }

    /// Returns whether both attempts use the same nonce or message, so that at most one of them can
    /// settle.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.chain == other.chain && self.wallet == other.wallet && self.nonce == other.nonce
    }
}

/// The clocks that decide when an attempt lapses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    /// The agent's clock, in milliseconds since 1970.
    pub own: u64,
    /// The server's last `Date` header, in milliseconds since 1970.
    pub server: Option<u64>,
}

impl Clocks {
    /// Returns whether an authorization on Base can no longer settle. Both clocks have to agree,
    /// because either may be ahead and a server can lie about its own.
    #[must_use]
    pub fn has_lapsed(self, valid_before: u64) -> bool {
        let (time, margin) = match self.believed() {
            Some(server) => (self.own.min(server), MARGIN_S),
            None => (self.own, MARGIN_WITHOUT_DATE_S),
        };
        time / 1_000 > valid_before.saturating_add(margin)
    }

    /// Returns the server's time if it is plausible: within 15 minutes of the agent's own.
    fn believed(self) -> Option<u64> {
        const NEAR_MS: u64 = 15 * 60 * 1_000;
        let server = self.server;
        server.filter(|server| server.abs_diff(self.own) <= NEAR_MS)
    }

    /// Returns the current time: the server's if it is plausible, otherwise the agent's.
    #[must_use]
    pub fn best(self) -> u64 {
        self.believed().unwrap_or(self.own)
    }
}
