use std::{fs, os::unix::fs::PermissionsExt, sync::Barrier, thread};

use postern_domain::Secret;
use postern_envelope::SystemEntropy;

use super::*;
use crate::test_support::{NewYear, context};

#[test]
fn the_first_start_makes_all_and_the_second_finds_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state/keys");
    let first = load_or_create(&folder, &SystemEntropy, &NewYear).unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let sealed = first.seal(&context(), &Secret::new(vec![1]), &SystemEntropy).unwrap();
    let second = load_or_create(&folder, &SystemEntropy, &NewYear).unwrap();
    assert!(second.open(&context(), &sealed).is_ok());
}

#[test]
fn a_ring_without_its_root_is_an_error_and_gets_no_new_root() {
    let folder = tempfile::tempdir().unwrap();
    load_or_create(folder.path(), &SystemEntropy, &NewYear).unwrap();
    fs::remove_file(folder.path().join(ROOT_FILE)).unwrap();
    let refused = load_or_create(folder.path(), &SystemEntropy, &NewYear).err();
    assert_eq!(refused, Some(EmbeddedError::Root(RootFileError::Missing)));
    assert!(!folder.path().join(ROOT_FILE).exists());
}

#[test]
fn processes_that_start_together_hold_the_same_ring() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Barrier::new(16);
    let sealed: Vec<Vec<u8>> = thread::scope(|scope| {
        let start = || {
            barrier.wait();
            let ring = load_or_create(folder.path(), &SystemEntropy, &NewYear).unwrap();
            ring.seal(&context(), &Secret::new(vec![1]), &SystemEntropy).unwrap()
        };
        let racers: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let ring = load_or_create(folder.path(), &SystemEntropy, &NewYear).unwrap();
    assert!(sealed.iter().all(|sealed| ring.open(&context(), sealed).is_ok()));
}
