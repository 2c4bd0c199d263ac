//! A payment that was begun: what a journal keeps of it, and its states.

use crate::json::Value;
use crate::network::Network;
#[allow(unused_imports)]
use crate::prelude::*;

/// How long after `validBefore` an authorization on Base is taken to have no effect any more, in
/// seconds: what was broadcast in time has been seen by then.
pub const MARGIN_S: u64 = 120;

/// The same where no server has told its time: by so much may the agent's clock be ahead.
pub const MARGIN_WITHOUT_DATE_S: u64 = 900;

/// How long a transaction on Solana can settle where no block height is known, in seconds.
pub const SOLANA_LIFE_S: u64 = 900;

/// What an attempt has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Counted by the limits; nothing has left the agent.
    Reserved,
    /// Its header has left the agent, or was about to. Whether it settled is not known.
    Sent,
    /// The server refused it. It may settle all the same, as long as it is valid.
    Refused,
    /// It was paid.
    Settled,
    /// It cannot settle any more, and the server does not know of a settlement.
    Lapsed,
    /// It was given up before anything had left the agent.
    Released,
}

impl State {
    /// Reads its name.
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

    /// Whether something of it is still to be done: an invoice has one such attempt at most.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Reserved | Self::Sent)
    }

    /// Whether limits count it. What has left the agent counts for good: that a server refused it,
    /// or does not know of it, proves nothing.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Released)
    }
}

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An invoice: paid once, ever.
    Invoice,
    /// An auth intent: paid once, ever.
    Login,
    /// A request to an x402 server: once it was paid, the same request is a new purchase.
    Fetch,
}

impl Kind {
    /// Reads its name.
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

/// What a journal keeps of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 32 hexadecimal digits; also the id of the extension `payment-identifier`.
    pub id: String,
    /// What is paid for: an invoice's id, an auth intent's id, or the hash of a request.
    pub invoice: String,
    /// What kind of thing that is.
    pub kind: Kind,
    /// The network, by its name: `base`.
    pub chain: &'static str,
    /// Where the payment is sent.
    pub url: String,
    /// The method it is sent with.
    pub method: String,
    /// The header it is sent in.
    pub header_name: String,
    /// Who pays.
    pub wallet: String,
    /// Who is paid.
    pub pay_to: String,
    /// Atomic units of USDC.
    pub amount: u64,
    /// What the chain takes once: on Base the nonce, on Solana SHA-256 of the message; `0x` and 64
    /// digits.
    pub nonce: String,
    /// On Base: Unix seconds from which it cannot settle any more.
    pub valid_before: Option<u64>,
    /// On Solana: the last height at which it can settle, where the challenge or the callback told
    /// it.
    pub last_valid_block_height: Option<u64>,
    /// Whether an earlier attempt at the same has left the agent.
    pub again: bool,
    /// What it has come to.
    pub state: State,
    /// The payment header's value, from [`State::Sent`] on.
    pub header: Option<String>,
    /// The transaction, once it is known.
    pub transaction: Option<String>,
    /// When it was reserved, in milliseconds since 1970, by the agent's clock.
    pub reserved_at: u64,
}

impl Attempt {
    /// Reads what a journal gave back. `None` where a member is missing or of another type.
    #[must_use]
    pub fn read(value: Value<'_>) -> Option<Self> {
        let members = value.as_object()?;
        let text = |name| members.get(name)?.to_text();
        // A journal may leave out what is null.
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

    /// The network. Only those that are known are ever read.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::parse(self.chain).unwrap_or(Network::Base)
    }

    /// What it comes to where it is given up before it has left. An earlier one may have settled,
    /// or may still: that is not to be forgotten.
    #[must_use]
    pub const fn given_up(&self) -> State {
        match (self.again, self.valid_before) {
            (false, _) => State::Released,
            // The same nonce has left before.
            (true, Some(_)) => State::Refused,
            (true, None) => State::Lapsed,
        }
    }

    /// When another chain can be paid on, in milliseconds since 1970: its payment would share no
    /// nonce with this one. A server may lie about its clock, so the agent's own decides, which may
    /// be ahead.
    #[must_use]
    pub fn other_chains_from(&self) -> u64 {
        let valid_before = self.valid_before.unwrap_or(0);
        let after = valid_before.saturating_add(MARGIN_WITHOUT_DATE_S);
        after.saturating_mul(1_000)
    }

    /// Whether another chain cannot be paid on yet, by the agent's clock.
    #[must_use]
    pub fn blocks_other_chains(&self, now: u64) -> bool {
        self.valid_before.is_some() && now <= self.other_chains_from()
    }

    /// Whether both would use the same thing that the chain takes once: at most one of them can
    /// settle.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.chain == other.chain && self.wallet == other.wallet && self.nonce == other.nonce
    }
}

/// The clocks by which an attempt lapses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    /// The agent's, in milliseconds since 1970.
    pub own: u64,
    /// The server's last `Date`, likewise.
    pub server: Option<u64>,
}

impl Clocks {
    /// Whether an authorization on Base can no longer settle: by both clocks, since either may be
    /// ahead, and a server may lie about its own.
    #[must_use]
    pub fn has_lapsed(self, valid_before: u64) -> bool {
        let (time, margin) = match self.believed() {
            Some(server) => (self.own.min(server), MARGIN_S),
            None => (self.own, MARGIN_WITHOUT_DATE_S),
        };
        time / 1_000 > valid_before.saturating_add(margin)
    }

    /// The server's time, where it can be believed: within 15 minutes of the agent's own.
    fn believed(self) -> Option<u64> {
        const NEAR_MS: u64 = 15 * 60 * 1_000;
        let server = self.server;
        server.filter(|server| server.abs_diff(self.own) <= NEAR_MS)
    }

    /// Now, by the server's clock where it can be believed.
    #[must_use]
    pub fn best(self) -> u64 {
        self.believed().unwrap_or(self.own)
    }
}
