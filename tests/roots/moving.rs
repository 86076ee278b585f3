//! A ring that moves from one kind of root to the next.

use std::{fs, path::Path};

use postern_domain::SystemClock;
use postern_envelope::{KeyId, SystemEntropy};
use postern_keyring::{Base, LoadedRing, RingEditor, Root, ring_file};
use postern_keyring::{KeyringConfig, key_files, roots::RootConfig};

use crate::{
    kms::Kms,
    support::{Client, id, open, opens, seal},
    vault::SERVER,
};

#[test]
fn a_ring_moves_from_a_file_to_a_vault_to_kms_and_back_and_no_seal_is_lost() {
    let (kms, client) = (Kms::start(), Client::new(&SERVER, &SERVER.token(&["-ttl=1h"])));
    let path = client.path("keyring.json");
    let file = format!("kind = 'file'\npath = '{}'\n", client.path("root.key").display());
    let (vault, kms) = (client.config().to_owned(), kms.config(&kms.server.key()));

    key_files::create(&keyring(&path, &file)).unwrap();
    let mut seals = vec![seal(&load(&path, &file))];
    for (from, to, kind) in
        [(&file, &vault, "vault-transit"), (&vault, &kms, "aws-kms"), (&kms, &file, "file")]
    {
        // A key of each root, and one that is only staged.
        rotate(&path, &*open(from).unwrap());
        seals.push(seal(&load(&path, from)));

        let moved = key_files::move_root(&keyring(&path, from), &keyring(&path, to)).unwrap();
        assert_eq!(moved.root, kind);
        assert!(ring_file::load(&path, &*open(from).unwrap()).is_err(), "the old root opens the ring");
        let ring = load(&path, to);
        assert!(seals.iter().all(|sealed| opens(&ring, sealed)), "a seal was lost on the way to {kind}");
        assert_eq!(ring.usable().count(), seals.len() + 1, "the staged key went along");
    }
}

#[test]
fn a_root_that_does_not_take_the_ring_leaves_it_where_it_is() {
    let client = Client::new(&SERVER, &SERVER.token(&["-ttl=1h"]));
    let path = client.path("keyring.json");
    let file = format!("kind = 'file'\npath = '{}'\n", client.path("root.key").display());
    key_files::create(&keyring(&path, &file)).unwrap();
    let before = fs::read(&path).unwrap();

    let absent = client.with_key("postern-absent");
    let refused = key_files::move_root(&keyring(&path, &file), &keyring(&path, absent.config())).unwrap_err();
    assert!(!refused.is_unavailable(), "{refused}");
    assert!(refused.to_string().contains("refused access"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

fn keyring(file: &Path, root: &str) -> KeyringConfig {
    KeyringConfig { file: file.to_owned(), root: toml::from_str::<RootConfig>(root).unwrap(), replica: None }
}

fn load(path: &Path, root: &str) -> LoadedRing {
    ring_file::load(path, &*open(root).unwrap()).unwrap()
}

/// Promotes the key that is staged, if there is one, and stages the next.
fn rotate(path: &Path, root: &dyn Root) {
    let editor = RingEditor { path, root, entropy: &SystemEntropy, clock: &SystemClock };
    let last: KeyId = ring_file::load(path, root).unwrap().usable().last().unwrap();
    if last == id(1) {
        editor.stage(Base::default()).unwrap();
    }
    let staged = ring_file::load(path, root).unwrap().usable().last().unwrap();
    editor.promote(staged, Base::default()).unwrap();
    editor.stage(Base::default()).unwrap();
}
