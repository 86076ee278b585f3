//! Project Wycheproof's vectors against the cipher and the key derivation that the seal is built from.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::Sha512;
use wycheproof::{TestResult, aead, hkdf as kdf};

#[test]
fn aes_256_gcm() {
    let mut counts = [0, 0];
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let ours =
        |group: &&aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
    for test in set.test_groups.iter().filter(ours).flat_map(|group| &group.tests) {
        let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
        let nonce = Nonce::try_from(&test.nonce[..]).unwrap();
        let tag = <&[u8; 16]>::try_from(&test.tag[..]).unwrap();
        let mut opened = test.ct.to_vec();
        let result =
            cipher.decrypt_inout_detached(&nonce, &test.aad, opened.as_mut_slice().into(), tag.into());
        if test.result == TestResult::Invalid {
            assert!(result.is_err(), "{}", test.tc_id);
            counts[0] += 1;
            continue;
        }
        result.unwrap();
        assert_eq!(opened, *test.pt, "{}", test.tc_id);

        let mut sealed = test.pt.to_vec();
        let made = cipher.encrypt_inout_detached(&nonce, &test.aad, sealed.as_mut_slice().into()).unwrap();
        assert_eq!((&sealed[..], made.as_slice()), (&test.ct[..], &test.tag[..]), "{}", test.tc_id);
        counts[1] += 1;
    }
    assert!(counts.into_iter().all(|count| count > 20), "vectors are missing: {counts:?}");
}

#[test]
fn hkdf_sha_512() {
    let mut counts = [0, 0];
    let set = kdf::TestSet::load(kdf::TestName::HkdfSha512).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        let result = Hkdf::<Sha512>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm);
        if test.result == TestResult::Invalid {
            assert!(result.is_err(), "{}", test.tc_id);
            counts[0] += 1;
            continue;
        }
        result.unwrap();
        assert_eq!(okm, *test.okm, "{}", test.tc_id);
        counts[1] += 1;
    }
    assert!(counts.into_iter().all(|count| count > 0), "vectors are missing: {counts:?}");
}
