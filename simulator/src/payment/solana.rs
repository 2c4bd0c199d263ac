//! Payments on Solana: a transaction that the wallet has signed and the fee payer has not.
//!
//! The checks, their order and their names follow the reference facilitator, `exact` of `@x402/svm`
//! 2.27.0. Where the facilitator relies on the chain's simulation, the checks follow the programs
//! that run.

use crate::payment::{Chain, Demand, Evaluated, Once, Refusal, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The account that pays the fees of the local Gwop's transactions.
pub const FEE_PAYER: &str = "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu";
/// The token program.
pub const TOKEN_PROGRAM: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
/// The program that owns the token accounts of wallets.
pub const ATA_PROGRAM: &str = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
/// The program that sets the limit and price of compute units.
pub const COMPUTE_BUDGET_PROGRAM: &str = "ComputeBudget111111111111111111111111111111";
/// The program that records a memo.
pub const MEMO_PROGRAM: &str = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
/// The program by which wallets guard what they sign.
const LIGHTHOUSE_PROGRAM: &str = "L2TExMFKdjpN9kozasaurPirfHy9P8sbXoAN1qA3S95";

/// The highest price of a compute unit, in microlamports.
pub const MAX_UNIT_PRICE: u64 = 5_000_000;
/// The number of decimals of USDC.
pub const DECIMALS: u8 = 6;
/// The longest transaction, in bytes.
const MAX_TRANSACTION: usize = 1_232;

/// A public key or a derived address. Its `Display` is base58.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub [u8; 32]);

impl Address {
    /// Reads an address: base58 of 32 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Longer texts are never addresses, and decoding them takes quadratic time.
        let short = Some(text).filter(|text| text.len() <= 44)?;
        let bytes = bs58::decode(short).into_vec().ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Returns whether it is this well-known address.
    fn is(self, known: &str) -> bool {
        Self::parse(known) == Some(self)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).into_string())
    }
}

/// Returns the account in which a wallet holds a token: the first derived address that is not a
/// public key.
#[must_use]
pub fn token_account(owner: Address, mint: Address) -> Option<Address> {
    let (token, program) = (Address::parse(TOKEN_PROGRAM)?, Address::parse(ATA_PROGRAM)?);
    (0..=u8::MAX).rev().find_map(|bump| {
        let mut hash = Sha256::new();
        for part in [owner.0, token.0, mint.0] {
            hash.update(part);
        }
        hash.update([bump]);
        hash.update(program.0);
        hash.update(b"ProgramDerivedAddress");
        let address: [u8; 32] = hash.finalize().into();
        let on_curve = CompressedEdwardsY(address).decompress().is_some();
        (!on_curve).then_some(Address(address))
    })
}

/// Returns whether a key signed a message, by the strict rules of the chain.
#[must_use]
pub fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key).is_ok_and(|key| {
        key.verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    })
}

/// Reads bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Reads a length in the compact form: 7 bits per byte, lowest first, and no longer than
    /// needed.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0_usize;
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            let bits = usize::from(byte & 0x7f);
            if shift > 0 && byte == 0 {
                return None;
            }
            length |= bits << shift;
            if byte & 0x80 == 0 {
                return (length <= usize::from(u16::MAX)).then_some(length);
            }
        }
        None
    }
}

/// An instruction of a message. Accounts are given by their positions.
#[derive(Clone, Debug)]
struct Instruction<'a> {
    program: Address,
    accounts: &'a [u8],
    data: &'a [u8],
}

/// A transaction in its wire format.
#[derive(Clone, Debug)]
struct Transaction<'a> {
    signatures: Vec<[u8; 64]>,
    /// The bytes that are signed.
    message: &'a [u8],
    accounts: Vec<Address>,
    blockhash: [u8; 32],
    instructions: Vec<Instruction<'a>>,
    /// Whether additional accounts come from lookup tables on the chain.
    has_lookups: bool,
}

impl<'a> Transaction<'a> {
    /// Reads a transaction whose message has version 0 or the legacy form.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_TRANSACTION {
            return None;
        }
        let mut reader = Reader(bytes);
        let signatures = (0..reader.length()?)
            .map(|_| reader.array())
            .collect::<Option<Vec<[u8; 64]>>>()?;
        let message = reader.0;
        let first = reader.byte()?;
        let (is_versioned, signers) = match first {
            0x80 => (true, reader.byte()?),
            version if version & 0x80 != 0 => return None,
            signers => (false, signers),
        };
        let [read_only_signers, read_only] = reader.array()?;
        let accounts = (0..reader.length()?)
            .map(|_| reader.array().map(Address))
            .collect::<Option<Vec<Address>>>()?;
        let signers = usize::from(signers);
        // The fee payer has to be a writable signer.
        if signers != signatures.len()
            || usize::from(read_only_signers) >= signers
            || signers.saturating_add(usize::from(read_only)) > accounts.len()
        {
            return None;
        }
        let blockhash = reader.array()?;
        let mut instructions = Vec::new();
        for _ in 0..reader.length()? {
            let program = usize::from(reader.byte()?);
            let length = reader.length()?;
            let indices = reader.take(length)?;
            let length = reader.length()?;
            let data = reader.take(length)?;
            instructions.push(Instruction {
                program: *accounts.get(program)?,
                accounts: indices,
                data,
            });
        }
        let mut has_lookups = false;
        if is_versioned {
            for _ in 0..reader.length()? {
                has_lookups = true;
                reader.take(32)?;
                for _ in 0..2 {
                    let length = reader.length()?;
                    reader.take(length)?;
                }
            }
        }
        let indices = instructions.iter().flat_map(|one| one.accounts);
        let known = |&index: &u8| usize::from(index) < accounts.len();
        let all_known = has_lookups || indices.into_iter().all(known);
        (reader.0.is_empty() && all_known).then_some(Self {
            signatures,
            message,
            accounts,
            blockhash,
            instructions,
            has_lookups,
        })
    }

    fn account(&self, instruction: &Instruction<'_>, position: usize) -> Option<Address> {
        let index = instruction.accounts.get(position)?;
        self.accounts.get(usize::from(*index)).copied()
    }
}

/// The rules of the check, besides the payload and the demand.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The version of the protocol, which determines the names of refusals.
    pub version: Version,
    /// The required memo, if the offer names one.
    pub memo: Option<&'a str>,
    /// Returns whether a block hash is still valid. `None` if it is not one of the local Gwop's.
    pub is_recent: &'a dyn Fn(&[u8; 32]) -> Option<bool>,
}

/// Judges the `payload` of a payment for `demand`.
///
/// # Errors Returns why a facilitator would not settle it.
pub fn evaluate(payload: &Value, demand: &Demand, rules: Rules<'_>) -> Result<Evaluated, Refusal> {
    let version = rules.version;
    let refuse = |reason, expected| Err(Refusal::new(reason, expected));
    let undecodable = Refusal::new(
        "invalid_exact_svm_payload_transaction_could_not_be_decoded",
        "`transaction` as base64 of a whole transaction, version 0",
    );
    let simulation = |expected| {
        let reason = version.name(
            "transaction_simulation_failed",
            "invalid_exact_svm_transaction_simulation_failed",
        );
        Err(Refusal::new(reason, expected))
    };
    let bytes = payload
        .get("transaction")
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or(undecodable)?;
    let transaction = Transaction::read(&bytes).ok_or(undecodable)?;
    let fee_payer = transaction.accounts.first();
    if fee_payer.is_none_or(|account| !account.is(FEE_PAYER)) {
        return refuse(
            "invalid_exact_svm_fee_payer_mismatch",
            "`extra.feePayer` of the offer as the first account",
        );
    }
    // The fee payer signs last.
    let mut signers = transaction
        .accounts
        .iter()
        .zip(&transaction.signatures)
        .skip(1);
    if !signers.all(|(account, signature)| verify(&account.0, transaction.message, signature)) {
        return refuse(
            "invalid_exact_svm_payload_signature_invalid",
            "each signer but the fee payer to have signed exactly this message",
        );
    }
    if transaction.has_lookups {
        return refuse(
            version.name(
                "invalid_exact_svm_payload_transaction_could_not_be_decoded",
                "invalid_exact_svm_smart_wallet_alt_resolution_not_available",
            ),
            "no address lookup tables",
        );
    }
    let instructions = &transaction.instructions;
    let most = if version == Version::V1 { 6 } else { 7 };
    let ([limit, price, transfer, others @ ..], true) =
        (instructions.as_slice(), instructions.len() <= most)
    else {
        return refuse(
            "invalid_exact_svm_payload_transaction_instructions_length",
            "compute limit, compute price, TransferChecked, and then notes and guards only",
        );
    };
    evaluate_compute_budget(limit, price)?;
    let no_transfer = Refusal::new(
        "invalid_exact_svm_payload_no_transfer_instruction",
        "TransferChecked of the token program as the third instruction",
    );
    let is_transfer = transfer.program.is(TOKEN_PROGRAM)
        && transfer.data.len() >= 10
        && transfer.data.first() == Some(&12);
    let accounts = (
        transaction.account(transfer, 0),
        transaction.account(transfer, 1),
        transaction.account(transfer, 2),
        transaction.account(transfer, 3),
    );
    let (true, (Some(source), Some(mint), Some(destination), Some(authority))) =
        (is_transfer, accounts)
    else {
        return Err(no_transfer);
    };
    if Some(&authority) == fee_payer {
        return refuse(
            "invalid_exact_svm_payload_transaction_fee_payer_transferring_funds",
            "the agent, and not the fee payer, as the authority",
        );
    }
    // The specification forbids the fee payer in every instruction, because its signature would
    // approve that instruction too.
    let has_fee_payer = |one: &Instruction<'_>| {
        let mut accounts = one.accounts.iter();
        accounts.any(|&index| transaction.accounts.get(usize::from(index)) == fee_payer)
    };
    if instructions.iter().any(has_fee_payer) {
        return refuse(
            "invalid_exact_svm_payload_transaction_fee_payer_included_in_instruction_accounts",
            "the fee payer in no instruction",
        );
    }
    let usdc = Address::parse(Chain::Solana.usdc()).ok_or(no_transfer)?;
    if mint != usdc {
        return refuse(
            "invalid_exact_svm_payload_mint_mismatch",
            "USDC's mint, as `asset` of the offer",
        );
    }
    let pay_to = Address::parse(Chain::Solana.pay_to());
    if pay_to.and_then(|owner| token_account(owner, usdc)) != Some(destination) {
        return refuse(
            "invalid_exact_svm_payload_recipient_mismatch",
            "the token account of `payTo` as the destination",
        );
    }
    let amount = transfer
        .data
        .get(1..9)
        .and_then(|bytes| bytes.try_into().ok());
    if amount.map(u64::from_le_bytes) != Some(demand.amount) {
        return refuse(
            "invalid_exact_svm_payload_amount_mismatch",
            "exactly the offer's amount",
        );
    }
    evaluate_others(others, &rules)?;
    if transfer.data.get(9) != Some(&DECIMALS) {
        return simulation("USDC's 6 decimals");
    }
    if token_account(authority, usdc) != Some(source) {
        return simulation("the authority's own token account as the source");
    }
    let signs = |(index, account): (usize, &Address)| {
        index > 0 && index < transaction.signatures.len() && *account == authority
    };
    if !transaction.accounts.iter().enumerate().any(signs) {
        return simulation("the authority of the transfer among the signers");
    }
    if (rules.is_recent)(&transaction.blockhash) == Some(false) {
        return simulation("a recent block hash: those of a challenge pass after 150 blocks");
    }
    Ok(Evaluated {
        wallet: authority.to_string(),
        once: Once::of("solana", &[transaction.message]),
        transaction: None,
    })
}

fn evaluate_compute_budget(
    limit: &Instruction<'_>,
    price: &Instruction<'_>,
) -> Result<(), Refusal> {
    let is = |one: &Instruction<'_>, kind: u8, length: usize| {
        one.program.is(COMPUTE_BUDGET_PROGRAM)
            && one.data.first() == Some(&kind)
            && one.data.len() >= length
    };
    if !is(limit, 2, 5) {
        return Err(Refusal::new(
            "invalid_exact_svm_payload_transaction_instructions_compute_limit_instruction",
            "SetComputeUnitLimit as the first instruction",
        ));
    }
    if !is(price, 3, 9) {
        return Err(Refusal::new(
            "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction",
            "SetComputeUnitPrice as the second instruction",
        ));
    }
    let per_unit = price.data.get(1..9).and_then(|bytes| bytes.try_into().ok());
    if per_unit
        .map(u64::from_le_bytes)
        .is_none_or(|price| price > MAX_UNIT_PRICE)
    {
        return Err(Refusal::new(
            "invalid_exact_svm_payload_transaction_instructions_compute_price_instruction_too_high",
            "at most 5,000,000 microlamports a unit",
        ));
    }
    Ok(())
}

/// Checks the instructions after the transfer: memos, and guards of the wallet.
fn evaluate_others(others: &[Instruction<'_>], rules: &Rules<'_>) -> Result<(), Refusal> {
    const UNKNOWN: [&str; 4] = [
        "invalid_exact_svm_payload_unknown_fourth_instruction",
        "invalid_exact_svm_payload_unknown_fifth_instruction",
        "invalid_exact_svm_payload_unknown_sixth_instruction",
        "invalid_exact_svm_payload_unknown_seventh_instruction",
    ];
    for (other, reason) in others.iter().zip(UNKNOWN) {
        if !other.program.is(MEMO_PROGRAM) && !other.program.is(LIGHTHOUSE_PROGRAM) {
            return Err(Refusal::new(
                reason,
                "only Memo and Lighthouse after the transfer",
            ));
        }
    }
    let Some(expected) = rules.memo else {
        return Ok(());
    };
    let mut memos = others.iter().filter(|other| other.program.is(MEMO_PROGRAM));
    let (Some(memo), None) = (memos.next(), memos.next()) else {
        return Err(Refusal::new(
            "invalid_exact_svm_payload_memo_count",
            "one memo: `extra.memo` of the offer",
        ));
    };
    if memo.data != expected.as_bytes() {
        return Err(Refusal::new(
            "invalid_exact_svm_payload_memo_mismatch",
            "`extra.memo` of the offer as the memo",
        ));
    }
    Ok(())
}

/// The refusal of a transaction that was already used.
pub const USED: Refusal = Refusal::new(
    "duplicate_settlement",
    "a transaction that has not paid yet: another message, not another spelling of the same one",
);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn vectors() -> Value {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/vectors/x402.json")).unwrap();
        vectors["solana"].clone()
    }

    fn address(value: &Value) -> Address {
        Address::parse(value.as_str().unwrap()).unwrap()
    }

    /// Vectors made with @solana/kit 5.5.
    #[test]
    fn token_accounts_are_those_of_the_chain() {
        let vectors = vectors();
        let mint = address(&vectors["mint"]);
        for (owner, account) in [("agent", "sourceAta"), ("payTo", "destinationAta")] {
            let account = address(&vectors[account]);
            assert_eq!(token_account(address(&vectors[owner]), mint), Some(account));
        }
    }

    fn evaluated(
        transaction: &str,
        amount: u64,
        memo: Option<&str>,
    ) -> Result<Evaluated, &'static str> {
        let demand = Demand {
            chain: Chain::Solana,
            amount,
            payable_id: String::new(),
            url: String::new(),
            description: String::new(),
            seconds_left: 60,
        };
        let rules = Rules {
            version: Version::V2,
            memo,
            is_recent: &|_| None,
        };
        let payload = serde_json::json!({ "transaction": transaction });
        evaluate(&payload, &demand, rules).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_transaction_of_solana_kit_pays() {
        let vectors = vectors();
        let transaction = vectors["transaction"].as_str().unwrap();
        let memo = vectors["memo"].as_str();
        let paid = evaluated(transaction, 1_025_000, memo).unwrap();
        assert_eq!(Some(paid.wallet.as_str()), vectors["agent"].as_str());
        assert_eq!(
            evaluated(transaction, 1_025_001, memo),
            Err("invalid_exact_svm_payload_amount_mismatch")
        );
        assert_eq!(
            evaluated(transaction, 1_025_000, Some("x")),
            Err("invalid_exact_svm_payload_memo_mismatch")
        );
        // A transaction with the fee payer's empty slot filled is the same payment.
        let mut bytes = STANDARD.decode(transaction).unwrap();
        bytes[1..65].fill(7);
        let filled = evaluated(&STANDARD.encode(&bytes), 1_025_000, memo).unwrap();
        assert_eq!(filled, paid);
        // Every other byte matters. A transaction with one changed byte is refused, and a truncated
        // one cannot be read.
        for index in (0..1).chain(65..bytes.len()) {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(
                evaluated(&STANDARD.encode(&changed), 1_025_000, memo).is_err(),
                "byte {index}"
            );
        }
        for length in 0..bytes.len() {
            let cut = STANDARD.encode(&bytes[..length]);
            assert!(evaluated(&cut, 1_025_000, memo).is_err(), "{length} bytes");
        }
        bytes.push(0);
        assert_eq!(
            evaluated(&STANDARD.encode(&bytes), 1_025_000, memo),
            Err("invalid_exact_svm_payload_transaction_could_not_be_decoded")
        );
    }

    #[test]
    fn lengths_are_compact_and_canonical() {
        let length = |bytes: &[u8]| Reader(bytes).length();
        assert_eq!(length(&[0x7f]), Some(127));
        assert_eq!(length(&[0x80, 0x01]), Some(128));
        assert_eq!(length(&[0xff, 0xff, 0x03]), Some(65_535));
        for bytes in [
            &[][..],
            &[0x80],
            &[0x80, 0x00],
            &[0xff, 0xff, 0x04],
            &[0x80, 0x80, 0x80],
        ] {
            assert_eq!(length(bytes), None, "{bytes:?}");
        }
    }
}
