//! Payments on Base: EIP-3009's `TransferWithAuthorization`, signed as EIP-712 typed data.
//!
//! Sources: EIP-3009, EIP-712, EIP-55, and the scheme `exact` of x402 (`scheme_exact_evm.md`).

use crate::bytes::{decimal, from_hex, to_hex};
use crate::network::Network;
#[allow(unused_imports)]
use crate::prelude::*;
use core::fmt;
use k256::ecdsa::{SigningKey, VerifyingKey};
use sha3::{Digest as _, Keccak256};

/// The EIP-712 domain type with name, version, chain id and contract.
const DOMAIN_TYPE: &[u8] =
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

/// The EIP-3009 type `TransferWithAuthorization`.
const AUTHORIZATION_TYPE: &[u8] = b"TransferWithAuthorization(address from,address to,\
uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";

/// Returns the Keccak-256 hash of the concatenated parts.
#[must_use]
pub fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Keccak256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// An address. Its `Display` uses the EIP-55 spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// Reads `0x` and 40 digits, either in one case or with the EIP-55 checksum. Servers spell
    /// addresses in different ways. A wrong checksum is treated as a typing mistake.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x")?;
        let address = Self(from_hex(digits)?.try_into().ok()?);
        let lower = digits.bytes().any(|byte| byte.is_ascii_lowercase());
        let upper = digits.bytes().any(|byte| byte.is_ascii_uppercase());
        (!(lower && upper) || address.text() == text).then_some(address)
    }

    /// Returns the address of a public key.
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

    /// Returns the EIP-55 spelling.
    #[must_use]
    pub fn text(&self) -> String {
        let digits = to_hex(&self.0);
        let hash = keccak(&[digits.as_bytes()]);
        let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digit = |(digit, nibble): (char, u8)| match nibble {
            8.. => digit.to_ascii_uppercase(),
            _ => digit,
        };
        let spelt = digits.chars().zip(nibbles).map(digit);
        "0x".chars().chain(spelt).collect()
    }

    /// Returns the address as a 32-byte word of the ABI.
    fn word(self) -> [u8; 32] {
        let mut word = [0; 32];
        for (to, from) in word.iter_mut().skip(12).zip(self.0) {
            *to = from;
        }
        word
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Returns a number as a 32-byte word of the ABI.
fn number(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    for (to, from) in word.iter_mut().skip(24).zip(number.to_be_bytes()) {
        *to = from;
    }
    word
}

/// Returns the EIP-712 domain separator of USDC on a network. Zeros if USDC has no contract there.
#[must_use]
pub fn domain_separator(network: Network) -> [u8; 32] {
    let Some(contract) = Address::parse(network.usdc()) else {
        return [0; 32];
    };
    keccak(&[
        &keccak(&[DOMAIN_TYPE]),
        &keccak(&[network.domain_name().as_bytes()]),
        &keccak(&[Network::DOMAIN_VERSION.as_bytes()]),
        &number(network.chain_id()),
        &contract.word(),
    ])
}

/// What a wallet signs: anybody may move this amount from the wallet, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The wallet that pays.
    pub from: Address,
    /// The address that is paid.
    pub to: Address,
    /// Atomic units of USDC.
    pub value: u64,
    /// Valid after this time, in Unix seconds.
    pub valid_after: u64,
    /// Valid before this time, in Unix seconds.
    pub valid_before: u64,
    /// USDC's contract accepts each nonce of a wallet once.
    pub nonce: [u8; 32],
}

impl Authorization {
    /// Returns the EIP-712 digest on a network.
    #[must_use]
    pub fn digest(&self, network: Network) -> [u8; 32] {
        let message = keccak(&[
            &keccak(&[AUTHORIZATION_TYPE]),
            &self.from.word(),
            &self.to.word(),
            &number(self.value),
            &number(self.valid_after),
            &number(self.valid_before),
            &self.nonce,
        ]);
        keccak(&[b"\x19\x01", &domain_separator(network), &message])
    }

    /// Returns `payload.authorization` as JSON: six strings.
    #[must_use]
    pub fn json(&self) -> String {
        [
            r#"{"from":""#,
            &self.from.text(),
            r#"","to":""#,
            &self.to.text(),
            r#"","value":""#,
            &decimal(self.value),
            r#"","validAfter":""#,
            &decimal(self.valid_after),
            r#"","validBefore":""#,
            &decimal(self.valid_before),
            r#"","nonce":"0x"#,
            &to_hex(&self.nonce),
            r#""}"#,
        ]
        .concat()
    }

    /// Returns the JSON for an external signer: `domain`, `types`, `primaryType` and `message`, as
    /// viem's `signTypedData` takes them. Whole numbers are strings.
    #[must_use]
    pub fn typed_data(&self, network: Network) -> String {
        [
            r#"{"domain":{"name":""#,
            network.domain_name(),
            r#"","version":""#,
            Network::DOMAIN_VERSION,
            r#"","chainId":"#,
            &decimal(network.chain_id()),
            r#","verifyingContract":""#,
            network.usdc(),
            concat!(
                r#""},"types":{"TransferWithAuthorization":["#,
                r#"{"name":"from","type":"address"},"#,
                r#"{"name":"to","type":"address"},"#,
                r#"{"name":"value","type":"uint256"},"#,
                r#"{"name":"validAfter","type":"uint256"},"#,
                r#"{"name":"validBefore","type":"uint256"},"#,
                r#"{"name":"nonce","type":"bytes32"}"#,
                r#"]},"primaryType":"TransferWithAuthorization","message":"#,
            ),
            &self.json(),
            "}",
        ]
        .concat()
    }
}

/// A secp256k1 private key. It has no `Debug`, so that it cannot be printed. It is wiped when
/// dropped.
pub struct EvmKey(SigningKey);

impl EvmKey {
    /// Reads 32 bytes as hexadecimal digits, with or without `0x`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        SigningKey::from_slice(&from_hex(text.trim())?)
            .ok()
            .map(Self)
    }

    /// Returns the address of its wallet.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of(self.0.verifying_key())
    }

    /// Signs a digest (RFC 6979, low `s`). Returns r ‖ s ‖ v, where `v` is 27 or 28.
    #[must_use]
    pub fn sign(&self, digest: &[u8; 32]) -> [u8; 65] {
        let (signature, id) = self.0.sign_prehash_recoverable(digest);
        let mut bytes = [0; 65];
        let v = if id.is_y_odd() { 28 } else { 27 };
        let all = signature.to_bytes().into_iter().chain([v]);
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        bytes
    }
}

/// Converts a signer's result to the form that is sent: 65 bytes with `v` 27 or 28, or the longer
/// signature of a contract wallet. `None` for anything else.
#[must_use]
pub fn normal_signature(mut signature: Vec<u8>) -> Option<Vec<u8>> {
    if signature.len() == 65 {
        let v = signature.last_mut()?;
        // Some key managers count from 0.
        if *v < 2 {
            *v = v.saturating_add(27);
        }
        return matches!(*v, 27 | 28).then_some(signature);
    }
    (signature.len() > 65 && signature.len() <= 4_096).then_some(signature)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../tests/vectors/x402.json")).unwrap()
    }

    fn hex(value: &Value) -> Vec<u8> {
        from_hex(value.as_str().unwrap()).unwrap()
    }

    #[test]
    fn domains_and_types_are_those_of_the_vectors() {
        let vectors = vectors();
        assert_eq!(
            keccak(&[DOMAIN_TYPE]).to_vec(),
            hex(&vectors["domainTypeHash"])
        );
        assert_eq!(
            keccak(&[AUTHORIZATION_TYPE]).to_vec(),
            hex(&vectors["typeHash"])
        );
        for network in [Network::Base, Network::BaseSepolia] {
            let domain = &vectors["domains"][network.name()];
            assert_eq!(
                domain_separator(network).to_vec(),
                hex(&domain["separator"])
            );
        }
    }

    #[test]
    fn digests_and_signatures_are_viems() {
        for vector in vectors()["evm"].as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap();
            let key = EvmKey::parse(text("key")).unwrap();
            assert_eq!(key.address().to_string(), text("from"));
            let network = Network::parse(text("network")).unwrap();
            let authorization = Authorization {
                from: key.address(),
                to: Address::parse(text("to")).unwrap(),
                value: text("value").parse().unwrap(),
                valid_after: text("validAfter").parse().unwrap(),
                valid_before: text("validBefore").parse().unwrap(),
                nonce: hex(&vector["nonce"]).try_into().unwrap(),
            };
            let digest = authorization.digest(network);
            assert_eq!(digest.to_vec(), hex(&vector["digest"]));
            assert_eq!(key.sign(&digest).to_vec(), hex(&vector["signature"]));
        }
    }

    #[test]
    fn a_checksum_that_is_wrong_is_refused() {
        let right = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        assert!(Address::parse(right).is_some());
        assert!(Address::parse(&right.to_lowercase()).is_some());
        assert!(Address::parse("0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266").is_none());
        assert!(Address::parse("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266").is_none());
        assert!(Address::parse("0xf39F").is_none());
    }

    #[test]
    fn a_signers_v_may_count_from_0() {
        let mut signature = vec![7; 64];
        signature.push(1);
        assert_eq!(normal_signature(signature).unwrap()[64], 28);
        assert!(normal_signature(vec![29; 65]).is_none());
        assert!(normal_signature(vec![0; 64]).is_none());
    }
}
