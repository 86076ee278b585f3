use std::{fs, fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf};

use super::*;
use crate::test_support::{CountingEntropy, NoEntropy, root};

fn id(number: u32) -> KeyId {
    KeyId::new(number).unwrap()
}

fn root_file(length: usize, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    fs::write(&path, vec![7; length]).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

#[test]
fn a_new_root_is_private_and_loads_as_the_same_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let created = FileRoot::create(&path, &CountingEntropy::default()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&path).unwrap(), created.0.expose());
    assert!(FileRoot::load(&path).unwrap().0.expose() == created.0.expose());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left behind");
}

#[test]
fn an_existing_root_is_not_overwritten() {
    let (_folder, path) = root_file(32, 0o600);
    assert_eq!(FileRoot::create(&path, &CountingEntropy::default()).err(), Some(RootFileError::Exists));
    assert_eq!(fs::read(&path).unwrap(), [7; 32]);
}

#[test]
fn a_root_that_others_may_touch_is_refused() {
    for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o660, 0o777] {
        let (_folder, path) = root_file(32, mode);
        assert_eq!(FileRoot::load(&path).err(), Some(RootFileError::Exposed), "{mode:o}");
    }
    for mode in [0o600, 0o400] {
        let (_folder, path) = root_file(32, mode);
        assert!(FileRoot::load(&path).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_root_of_another_length_a_folder_and_a_missing_file_are_refused() {
    for length in [0, 16, 31, 33, 64] {
        let (_folder, path) = root_file(length, 0o600);
        assert_eq!(FileRoot::load(&path).err(), Some(RootFileError::Length), "{length}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(FileRoot::load(folder.path()).err(), Some(RootFileError::Length));
    assert_eq!(FileRoot::load(&folder.path().join("none")).err(), Some(RootFileError::Missing));
    let nowhere = folder.path().join("none/root.key");
    let created = FileRoot::create(&nowhere, &CountingEntropy::default()).err();
    assert_eq!(created, Some(RootFileError::Io(io::ErrorKind::NotFound)));
}

#[test]
fn a_wrapped_key_unwraps_only_with_its_root_and_id() {
    let (_folder, own) = root(1);
    let (_other_folder, other) = root(2);
    let key = MasterKey::from_slice(&[5; 32]).unwrap();
    let mut wrapped = own.wrap_key(id(3), &key, &CountingEntropy::default()).unwrap();
    assert!(own.unwrap_key(id(3), &wrapped).unwrap().expose() == key.expose());
    assert_eq!(own.unwrap_key(id(4), &wrapped).err(), Some(RootError::Foreign));
    assert_eq!(other.unwrap_key(id(3), &wrapped).err(), Some(RootError::Foreign));
    wrapped[60] ^= 1;
    assert_eq!(own.unwrap_key(id(3), &wrapped).err(), Some(RootError::Foreign));
}

#[test]
fn without_randomness_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    assert_eq!(FileRoot::create(&path, &NoEntropy).err(), Some(RootFileError::Entropy(EntropyError)));
    assert!(!path.exists());
    let (_folder, root) = root(1);
    let key = MasterKey::from_slice(&[5; 32]).unwrap();
    assert_eq!(root.wrap_key(id(1), &key, &NoEntropy).err(), Some(RootError::Entropy(EntropyError)));
}
