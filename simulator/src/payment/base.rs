//! Payments on Base: an EIP-3009 `TransferWithAuthorization`, signed as EIP-712 typed data by the
//! wallet itself.
//!
//! The checks, their order and their names follow the reference facilitator, `exact` of `@x402/evm`
//! 2.27.0. Where the facilitator relies on the chain's simulation, the checks follow USDC's
//! contract.

use crate::payment::{Chain, Demand, Evaluated, Once, Refusal, Version};
use core::fmt;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use serde_json::Value;
use sha3::{Digest, Keccak256};

/// The EIP-155 chain id of Base.
pub const CHAIN_ID: u64 = 8_453;

/// The EIP-712 name of USDC on Base.
pub const TOKEN_NAME: &str = "USD Coin";

/// The EIP-712 version of USDC on Base.
pub const TOKEN_VERSION: &str = "2";

/// How long an authorization must remain valid, in seconds. This is the time that a settlement
/// takes.
pub const SETTLEMENT_SECONDS: u64 = 6;

/// The hash of the EIP-712 domain of USDC on Base.
const DOMAIN_SEPARATOR: [u8; 32] = [
    0x02, 0xfa, 0x72, 0x65, 0xe7, 0xc5, 0xd8, 0x11, 0x18, 0x67, 0x37, 0x27, 0x95, 0x76, 0x99, 0xe4,
    0xd6, 0x8f, 0x74, 0xcd, 0x74, 0xb7, 0xdb, 0x77, 0xda, 0x71, 0x0f, 0xe8, 0xa2, 0xc7, 0x83, 0x4f,
];

/// The hash of the type `TransferWithAuthorization`.
const AUTHORIZATION_TYPE_HASH: [u8; 32] = [
    0x7c, 0x7c, 0x6c, 0xdb, 0x67, 0xa1, 0x87, 0x43, 0xf4, 0x9e, 0xc6, 0xfa, 0x9b, 0x35, 0xf5, 0x0d,
    0x52, 0xed, 0x05, 0xcb, 0xed, 0x4c, 0xc5, 0x92, 0xe1, 0x3b, 0x44, 0x50, 0x1c, 0x1a, 0x22, 0x67,
];

/// The last 32 bytes of a signature that is wrapped according to ERC-6492: `6492` repeated.
const ERC6492_MAGIC: [u8; 32] = [
    0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92,
    0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92,
];

/// Returns the Keccak-256 hash of the concatenated parts.
#[must_use]
pub fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Keccak256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// An address on Base. Its `Display` uses the EIP-55 spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// Reads `0x` and 40 digits in any case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex(text)?.try_into().ok().map(Self)
    }

    /// Reads an address as wallet libraries do: in lower case, or with the EIP-55 checksum.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let address = Self::from_hex(text)?;
        let in_lower_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        (in_lower_case || address.to_string() == text).then_some(address)
    }

    /// Returns the address that belongs to a public key.
    #[must_use]
    pub fn of(key: &VerifyingKey) -> Self {
        let point = key.to_sec1_point(false);
        let hash = keccak(&[point.as_bytes().get(1..).unwrap_or_default()]);
        let mut address = [0; 20];
        for (to, from) in address.iter_mut().zip(hash.iter().skip(12)) {
            *to = *from;
        }
        Self(address)
    }

    /// Returns the address as a 32-byte word of the ABI.
    fn word(self) -> [u8; 32] {
        let mut word = [0; 32];
        if let Some((_, low)) = word.split_last_chunk_mut() {
            *low = self.0;
        }
        word
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = to_hex(&self.0);
        let hash = keccak(&[digits.as_bytes()]);
        f.write_str("0x")?;
        for (index, digit) in digits.chars().enumerate() {
            let byte = hash.get(index / 2).copied().unwrap_or_default();
            let nibble = if index % 2 == 0 { byte >> 4 } else { byte & 15 };
            let digit = if nibble >= 8 {
                digit.to_ascii_uppercase()
            } else {
                digit
            };
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// Returns lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads the bytes of `0x…`.
#[must_use]
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    pairs
        .iter()
        .map(|&[high, low]| u8::try_from(nibble(high)? << 4 | nibble(low)?).ok())
        .collect()
}

/// An unsigned 256-bit integer, big-endian. It compares like the number.
pub type U256 = [u8; 32];

/// Returns a small number as 256 bits.
#[must_use]
pub fn u256(number: u64) -> U256 {
    let mut word = [0; 32];
    for (to, from) in word.iter_mut().skip(24).zip(number.to_be_bytes()) {
        *to = from;
    }
    word
}

/// Reads a text of decimal digits only as 256 bits.
#[must_use]
pub fn decimal(text: &str) -> Option<U256> {
    if text.is_empty() {
        return None;
    }
    let mut number = [0_u8; 32];
    for digit in text.chars() {
        let mut carry = digit.to_digit(10)?;
        for byte in number.iter_mut().rev() {
            // The sum is at most 255 · 10 + 255.
            let sum = u32::from(*byte).saturating_mul(10).saturating_add(carry);
            *byte = u8::try_from(sum & 0xff).unwrap_or_default();
            carry = sum >> 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(number)
}

/// What a wallet signs: anybody may move this amount from the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The wallet that pays.
    pub from: Address,
    /// The address that is paid.
    pub to: Address,
    /// Atomic units of the token.
    pub value: U256,
    /// Valid after this time, in Unix seconds.
    pub valid_after: U256,
    /// Valid before this time, in Unix seconds.
    pub valid_before: U256,
    /// The token's contract accepts each nonce of a wallet once.
    pub nonce: [u8; 32],
}

impl Authorization {
    /// Reads the six strings of `payload.authorization`.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let field = |name| value.get(name).and_then(Value::as_str);
        Some(Self {
            from: Address::parse(field("from")?)?,
            to: Address::parse(field("to")?)?,
            value: decimal(field("value")?)?,
            valid_after: decimal(field("validAfter")?)?,
            valid_before: decimal(field("validBefore")?)?,
            nonce: hex(field("nonce")?)?.try_into().ok()?,
        })
    }

    /// Returns the EIP-712 digest for USDC on Base.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest_in(&DOMAIN_SEPARATOR)
    }

    /// Returns the EIP-712 digest under a domain.
    #[must_use]
    pub fn digest_in(&self, domain_separator: &[u8; 32]) -> [u8; 32] {
        let message = keccak(&[
            &AUTHORIZATION_TYPE_HASH,
            &self.from.word(),
            &self.to.word(),
            &self.value,
            &self.valid_after,
            &self.valid_before,
            &self.nonce,
        ]);
        keccak(&[b"\x19\x01", domain_separator, &message])
    }
}

/// Returns the signer of a digest. `signature` is r ‖ s ‖ v. Like USDC's contract, it accepts only
/// a `v` of 27 or 28 and only the low `s`.
#[must_use]
pub fn recover(digest: &[u8; 32], signature: &[u8; 65]) -> Option<Address> {
    let (rs, v) = signature.split_at(64);
    let is_y_odd = match v {
        [27] => false,
        [28] => true,
        _ => return None,
    };
    let signature = Signature::from_slice(rs).ok()?;
    // A signature with a high `s` differs from its normalized form.
    if signature.normalize_s() != signature {
        return None;
    }
    let id = RecoveryId::new(is_y_odd, false);
    let key = VerifyingKey::recover_from_prehash(digest, &signature, id).ok()?;
    Some(Address::of(&key))
}

/// The form of `payload.signature`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SignatureForm {
    /// r ‖ s ‖ v.
    Wallet([u8; 65]),
    /// An ERC-6492 wrapper: the wallet is a contract that is not deployed yet.
    Counterfactual,
    /// Any other bytes.
    Other,
}

impl SignatureForm {
    fn read(value: &Value, takes_parts: bool) -> Option<Self> {
        if takes_parts && value.is_object() {
            return parts(value).map(Self::Wallet);
        }
        let bytes = hex(value.as_str()?)?;
        if let Ok(signature) = bytes.as_slice().try_into() {
            return Some(Self::Wallet(signature));
        }
        // The wrapped form is `(address factory, bytes calldata, bytes signature)`. A zero factory
        // means none.
        let factory = bytes.get(..32).unwrap_or_default();
        let wrapped = bytes.len() >= 128 && bytes.ends_with(&ERC6492_MAGIC);
        Some(if wrapped && factory.iter().any(|&byte| byte != 0) {
            Self::Counterfactual
        } else {
            Self::Other
        })
    }
}

/// Reads `{ v, r, s }`, the form on Gwop's own pages.
fn parts(value: &Value) -> Option<[u8; 65]> {
    let word = |name| -> Option<[u8; 32]> { hex(value.get(name)?.as_str()?)?.try_into().ok() };
    let v = match value.get("v")? {
        Value::String(text) if text.starts_with("0x") => match hex(text)?.as_slice() {
            [v] => *v,
            _ => return None,
        },
        Value::String(text) => text.parse().ok()?,
        number => u8::try_from(number.as_u64()?).ok()?,
    };
    let mut signature = [0; 65];
    let bytes = word("r")?.into_iter().chain(word("s")?).chain([v]);
    for (to, from) in signature.iter_mut().zip(bytes) {
        *to = from;
    }
    Some(signature)
}

/// The rules of the check, besides the payload and the demand.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The version of the protocol, which determines the names of refusals.
    pub version: Version,
    /// Wallets that are contracts. Their signatures are accepted without a check, because only the
    /// contract's code could check them.
    pub smart_wallets: &'a [Address],
    /// Whether a signature may have the form `{ v, r, s }`.
    pub takes_parts: bool,
    /// The real time, in milliseconds.
    pub wall: u64,
}

/// Judges the `payload` of a payment for `demand`.
///
/// # Errors Returns why a facilitator would not settle it.
pub fn evaluate(payload: &Value, demand: &Demand, rules: Rules<'_>) -> Result<Evaluated, Refusal> {
    let invalid_payload = Refusal::new(
        "invalid_payload",
        "`payload` with `signature` and `authorization` of EIP-3009",
    );
    // Version 1 has no Permit2.
    if rules.version == Version::V2 && payload.get("permit2Authorization").is_some() {
        return Err(Refusal::new(
            "unsupported_payload_type",
            "an EIP-3009 authorization: the offer names no other `assetTransferMethod`",
        ));
    }
    let fields = payload
        .get("authorization")
        .filter(|fields| fields.is_object())
        .ok_or(invalid_payload)?;
    let signature = payload.get("signature").ok_or(invalid_payload)?;
    let form = SignatureForm::read(signature, rules.takes_parts);
    let from = fields.get("from").and_then(Value::as_str);
    let from = from.and_then(Address::parse);
    let is_smart = from.is_some_and(|from| rules.smart_wallets.contains(&from));
    let invalid_signature = Refusal::new(
        "invalid_exact_evm_signature",
        "the 65 bytes by which the wallet in `from` signs this authorization (EIP-712) for USDC on Base",
    );
    if form == Some(SignatureForm::Counterfactual) && !is_smart {
        return Err(Refusal::new(
            "eip6492_factory_not_allowed",
            "a signature of 65 bytes, or a wallet that the option `smartWallets` names",
        ));
    }
    // An authorization that cannot be read cannot have been signed either.
    let authorization = Authorization::read(fields).ok_or(invalid_signature)?;
    let signed = match form {
        None => false,
        Some(_) if is_smart => true,
        Some(SignatureForm::Wallet(signature)) => {
            recover(&authorization.digest(), &signature) == Some(authorization.from)
        }
        Some(_) => false,
    };
    if !signed {
        return Err(invalid_signature);
    }
    if Some(authorization.to) != Address::from_hex(Chain::Base.pay_to()) {
        return Err(Refusal::new(
            "invalid_exact_evm_recipient_mismatch",
            "`to` as `payTo` of the offer",
        ));
    }
    let now = rules.wall / 1_000;
    if authorization.valid_before < u256(now.saturating_add(SETTLEMENT_SECONDS)) {
        return Err(Refusal::new(
            "invalid_exact_evm_payload_authorization_valid_before",
            "`validBefore` at least 6 seconds ahead",
        ));
    }
    if authorization.valid_after > u256(now) {
        return Err(Refusal::new(
            "invalid_exact_evm_payload_authorization_valid_after",
            "`validAfter` in the past",
        ));
    }
    if authorization.value != u256(demand.amount) {
        return Err(Refusal::new(
            rules.version.name(
                "invalid_exact_evm_authorization_value",
                "invalid_exact_evm_payload_authorization_value_mismatch",
            ),
            "`value` exactly as the offer's amount",
        ));
    }
    Ok(Evaluated {
        wallet: authorization.from.to_string(),
        once: Once::of("base", &[&authorization.from.0, &authorization.nonce]),
        transaction: None,
    })
}

/// The refusal of an authorization that was already used.
pub const USED: Refusal = Refusal::new(
    "invalid_exact_evm_nonce_already_used",
    "a nonce that this wallet has not paid with yet",
);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    const DOMAIN_TYPE: &[u8] =
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    const AUTHORIZATION_TYPE: &[u8] =
        b"TransferWithAuthorization(address from,address to,uint256 value,\
        uint256 validAfter,uint256 validBefore,bytes32 nonce)";

    fn separator(name: &str, chain: u64, contract: &str) -> [u8; 32] {
        keccak(&[
            &keccak(&[DOMAIN_TYPE]),
            &keccak(&[name.as_bytes()]),
            &keccak(&[TOKEN_VERSION.as_bytes()]),
            &u256(chain),
            &Address::from_hex(contract).unwrap().word(),
        ])
    }

    #[test]
    fn the_hashes_are_those_of_their_types() {
        assert_eq!(keccak(&[AUTHORIZATION_TYPE]), AUTHORIZATION_TYPE_HASH);
        assert_eq!(
            separator(TOKEN_NAME, CHAIN_ID, Chain::Base.usdc()),
            DOMAIN_SEPARATOR
        );
    }

    /// Vectors made with viem 2.57 from Hardhat's published key #0, which holds no funds.
    #[test]
    fn digests_and_signatures_are_viems() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/vectors/x402.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let cases = vectors["evm"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let authorization = Authorization::read(case).unwrap();
            let domain = &vectors["domains"][case["network"].as_str().unwrap()];
            let domain = separator(
                domain["name"].as_str().unwrap(),
                domain["chainId"].as_u64().unwrap(),
                domain["verifyingContract"].as_str().unwrap(),
            );
            let digest = authorization.digest_in(&domain);
            assert_eq!(format!("0x{}", to_hex(&digest)), text(&case["digest"]));
            let signature: [u8; 65] = hex(&text(&case["signature"])).unwrap().try_into().unwrap();
            assert_eq!(recover(&digest, &signature), Some(authorization.from));
            assert_eq!(authorization.from.to_string(), text(&case["from"]));
        }
        // The example in the x402 specification.
        let digest: [u8; 32] = hex(&text(&vectors["spec"]["digest"]))
            .unwrap()
            .try_into()
            .unwrap();
        let signature = hex(&text(&vectors["spec"]["signature"])).unwrap();
        assert_eq!(
            recover(&digest, &signature.try_into().unwrap())
                .unwrap()
                .to_string(),
            text(&vectors["spec"]["recovered"])
        );
    }

    /// The examples in EIP-55.
    #[test]
    fn addresses_are_spelt_as_eip_55_says() {
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let address = Address::from_hex(&text.to_lowercase()).unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(Address::parse(text), Some(address));
            assert_eq!(
                Address::parse(&text.to_uppercase().replace("0X", "0x")),
                None
            );
            assert_eq!(Address::parse(text.get(..41).unwrap()), None);
        }
    }

    #[test]
    fn numbers_are_decimal_and_of_256_bits() {
        assert_eq!(decimal("0"), Some([0; 32]));
        assert_eq!(decimal("1025000"), Some(u256(1_025_000)));
        assert_eq!(decimal("0001"), Some(u256(1)));
        let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(decimal(most), Some([0xff; 32]));
        let more = most.replace("935", "936");
        for text in [more.as_str(), "", "-1", "+1", "0x1", " 1", "1.0", "1e3"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn a_signature_may_come_in_parts_where_that_is_asked_for() {
        let word = format!("0x{}", "11".repeat(32));
        let bytes = format!("0x{}1b", "11".repeat(64));
        let whole = SignatureForm::read(&json!(bytes), false);
        for v in [json!(27), json!("27"), json!("0x1b")] {
            let parts = json!({ "v": v, "r": word, "s": word });
            assert_eq!(SignatureForm::read(&parts, true), whole);
            assert_eq!(SignatureForm::read(&parts, false), None);
        }
        for parts in [
            json!({}),
            json!({ "v": 300, "r": word, "s": word }),
            json!({ "v": 27, "r": "0x11", "s": word }),
        ] {
            assert_eq!(SignatureForm::read(&parts, true), None);
        }
    }
}
