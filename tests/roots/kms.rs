//! `aws-kms` against moto, which checks the encryption context as KMS does.

use std::fs;

use postern_envelope::SystemEntropy;
use postern_keyring::roots::{OpenError, Trouble};
use postern_keyring::{RootError, ring_file};
use postern_testkit::Moto;
use tempfile::TempDir;

use crate::support::{id, key, new_ring, open, round_trip, serves};

/// A server, and a folder with a credential.
pub(crate) struct Kms {
    pub(crate) server: Moto,
    folder: TempDir,
}

impl Kms {
    pub(crate) fn start() -> Self {
        let kms = Self { server: Moto::start(), folder: tempfile::tempdir().unwrap() };
        let profile =
            "[default]\naws_access_key_id = AKIACANARY\naws_secret_access_key = canary-of-a-secret\n";
        fs::write(kms.folder.path().join("credentials"), profile).unwrap();
        kms
    }

    pub(crate) fn config(&self, key: &str) -> String {
        let (address, region) = (self.server.address(), self.server.region());
        let credentials = self.folder.path().join("credentials");
        format!(
            "kind = 'aws-kms'\nkey = '{key}'\nregion = '{region}'\nendpoint = '{address}'\n\
             credentials_file = '{}'\nstart_seconds = 2\n",
            credentials.display()
        )
    }
}

#[test]
fn a_wrapped_key_unwraps_under_its_own_id_alone() {
    let kms = Kms::start();
    let root = open(&kms.config(&kms.server.key())).unwrap();
    round_trip(&*root);
    let mut wrapped = root.wrap_key(id(3), &key(), &SystemEntropy).unwrap();
    assert_eq!(root.unwrap_key(id(4), &wrapped).err(), Some(RootError::Foreign));
    let last = wrapped.len() - 1;
    wrapped[last] ^= 1;
    assert_eq!(root.unwrap_key(id(3), &wrapped).err(), Some(RootError::Foreign));
}

#[test]
fn what_another_key_of_the_account_wrapped_does_not_unwrap() {
    let kms = Kms::start();
    let [root, other] = [kms.server.key(), kms.server.key()].map(|key| open(&kms.config(&key)).unwrap());
    let wrapped = other.wrap_key(id(3), &key(), &SystemEntropy).unwrap();
    assert!(other.unwrap_key(id(3), &wrapped).is_ok());
    // KMS itself answers IncorrectKeyException, which is a foreign key to us; moto says that access is denied.
    assert_eq!(root.unwrap_key(id(3), &wrapped).err(), Some(RootError::Denied));
}

#[test]
fn a_ring_lives_under_it_and_outlives_an_outage_in_memory() {
    let mut kms = Kms::start();
    let config = kms.config(&kms.server.key());
    let (path, root) = (kms.folder.path().join("keyring.json"), open(&config).unwrap());
    new_ring(&path, &*root);
    let ring = ring_file::load(&path, &*open(&config).unwrap()).unwrap();

    kms.server.stop();
    assert_eq!(root.wrap_key(id(2), &key(), &SystemEntropy).err(), Some(RootError::Unavailable));
    assert!(serves(&ring));
    let error = open(&config).err().unwrap();
    assert!(matches!(error, OpenError::Unavailable { trouble: Trouble::Unreachable, .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("aws-kms (key ") && text.contains(&kms.server.address()), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn a_key_that_is_absent_or_disabled_is_refused_at_start() {
    let kms = Kms::start();
    let refused = |key: &str| {
        let error = open(&kms.config(key)).err().unwrap();
        assert!(matches!(error, OpenError::Refused { trouble: Trouble::NoKey, .. }), "{error}");
    };
    refused("00000000-0000-4000-8000-000000000000");
    let key = kms.server.key();
    kms.server.python(&format!("kms.disable_key(KeyId='{key}')"));
    refused(&key);
}

#[test]
fn without_a_credential_it_says_so() {
    let kms = Kms::start();
    let config = kms.config(&kms.server.key()).replace("/credentials'", "/nothing'");
    let error = open(&config).err().unwrap();
    assert!(matches!(error, OpenError::Unavailable { trouble: Trouble::NoCredential, .. }), "{error}");
}
