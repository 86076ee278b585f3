use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;

fn config(folder: &TempDir, root: &str) -> KeyringConfig {
    let (file, root) = (folder.path().join("keyring.json"), folder.path().join(root));
    toml::from_str(&format!("file = {file:?}\nroot = {{ kind = 'file', path = {root:?} }}")).unwrap()
}

fn root_path(folder: &TempDir, root: &str) -> PathBuf {
    folder.path().join(root)
}

#[test]
fn a_ring_is_made_with_its_root_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder, "root.key");
    assert_eq!(create(&config).unwrap(), RingState { revision: 1, root: "file".into() });
    let before = fs::read(&config.file).unwrap();
    assert!(matches!(create(&config), Err(KeyFileError::Ring(RingFileError::Exists))));
    assert_eq!(fs::read(&config.file).unwrap(), before);
}

#[test]
fn no_root_is_made_beside_a_ring_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    create(&config(&folder, "root.key")).unwrap();
    create(&config(&folder, "other.key")).unwrap_err();
    assert!(!root_path(&folder, "other.key").exists());
}

#[test]
fn a_moved_ring_opens_with_the_new_root_only() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (config(&folder, "root.key"), config(&folder, "new.key"));
    create(&old).unwrap();
    assert_eq!(move_root(&old, &new).unwrap().revision, 2);
    let load = |config: &KeyringConfig| ring_file::load(&config.file, &*roots::open(&config.root).unwrap());
    assert_eq!(load(&new).unwrap().revision(), 2);
    assert!(matches!(load(&old), Err(RingFileError::WrongRoot(_))));
    // And so it does not move from there again.
    assert!(matches!(move_root(&old, &new), Err(KeyFileError::Ring(RingFileError::WrongRoot(_)))));
}

#[test]
fn a_ring_is_not_moved_to_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let old = config(&folder, "root.key");
    create(&old).unwrap();
    let elsewhere = KeyringConfig { file: folder.path().join("other.json"), ..config(&folder, "new.key") };
    assert!(matches!(move_root(&old, &elsewhere), Err(KeyFileError::AnotherRing)));
    assert!(!root_path(&folder, "new.key").exists());
}
