use std::fs;

use postern_envelope::KeyState;
use postern_keyring::FileRoot;

use super::*;
use crate::live_ring::{
    UseCounts,
    test_support::{NEW_YEAR, RingFolder, change, context, id, replica, rotate, stage},
};

fn secret() -> Secret {
    Secret::new(b"hunter2".to_vec())
}

fn counts(holder: &RingHolder, key: u32) -> (u64, u64, u64) {
    let uses = holder.report(&replica("one")).uses();
    let UseCounts { seals, opens, last_use } = uses[&id(key)];
    (seals, opens, last_use)
}

#[tokio::test]
async fn uses_are_counted_under_the_key_that_was_used() {
    let folder = RingFolder::new();
    let holder = folder.holder();
    let old = holder.seal(&context(), &secret()).unwrap();
    holder.open(&context(), &old).await.unwrap();
    rotate(&holder);
    folder.clock.set(NEW_YEAR + 5);
    let new = holder.rewrap(&context(), old.clone()).await.unwrap();
    assert_eq!(holder.rewrap(&context(), new.clone()).await.unwrap(), new);
    assert_eq!((counts(&holder, 1), counts(&holder, 2)), ((1, 2, NEW_YEAR + 5), (1, 1, NEW_YEAR + 5)));

    // What fails is no use of a key, and a clock that goes back takes no use back.
    let foreign = SealContext { secret: postern_domain::SecretId(context().owner.0), ..context() };
    assert!(holder.open(&foreign, &new).await.is_err());
    folder.clock.set(NEW_YEAR - 100);
    holder.open(&context(), &new).await.unwrap();
    assert_eq!(counts(&holder, 2), (1, 2, NEW_YEAR + 5));
}

#[tokio::test]
async fn counts_go_on_after_a_restart() {
    let folder = RingFolder::new();
    let holder = folder.holder();
    holder.seal(&context(), &secret()).unwrap();
    let before = Before { uses: holder.report(&replica("one")).uses(), revision: 1 };
    let clock = Arc::new(folder.clock.clone());
    let again = RingHolder::load(folder.ring(), Box::new(folder.root()), clock, &before).unwrap();
    again.seal(&context(), &secret()).unwrap();
    assert_eq!(counts(&again, 1).0, 2);
}

#[tokio::test]
async fn a_newer_ring_is_taken_and_what_was_sealed_still_opens() {
    let folder = RingFolder::new();
    let (one, two) = (folder.holder(), folder.holder());
    let sealed = two.seal(&context(), &secret()).unwrap();
    rotate(&one);
    assert!(two.reload().unwrap());
    assert!(!two.reload().unwrap(), "it is the same");
    assert_eq!(two.with_ring(LoadedRing::revision), 3);
    assert!(two.open(&context(), &sealed).await.is_ok());
    assert_eq!(two.seal(&context(), &secret()).unwrap()[7], 2);
}

#[tokio::test]
async fn the_ring_in_use_stays_when_the_file_cannot_be_used() {
    let folder = RingFolder::new();
    let backup = fs::read(folder.ring()).unwrap();
    let holder = folder.holder();
    rotate(&holder);
    let good = fs::read(folder.ring()).unwrap();
    let sealed = holder.seal(&context(), &secret()).unwrap();

    let other = RingFolder::new();
    for _ in 0..2 {
        rotate(&other.holder());
    }
    let cases = [
        (backup, RingFileError::Older { found: 1, held: 3 }),
        (b"{".to_vec(), RingFileError::Malformed),
        (good[..good.len() / 2].to_vec(), RingFileError::Malformed),
        // A newer ring of another root.
        (fs::read(other.ring()).unwrap(), RingFileError::WrongRoot(id(1))),
    ];
    for (bytes, refusal) in cases {
        fs::write(folder.ring(), &bytes).unwrap();
        assert_eq!(holder.reload(), Err(refusal));
        let refused = stage(&holder).err();
        assert_eq!(refused, Some(ChangeError::Ring(refusal)));
        assert_eq!(fs::read(folder.ring()).unwrap(), bytes, "nothing was written");
        assert!(holder.open(&context(), &sealed).await.is_ok());
    }
    fs::remove_file(folder.ring()).unwrap();
    assert_eq!(holder.reload(), Err(RingFileError::Missing));
    fs::write(folder.ring(), good).unwrap();
    assert_eq!(holder.reload(), Ok(false));
}

#[test]
fn a_start_with_a_ring_that_cannot_be_used_is_refused() {
    let folder = RingFolder::new();
    let start = |root: FileRoot| {
        let clock = Arc::new(folder.clock.clone());
        RingHolder::load(folder.ring(), Box::new(root), clock, &Before::default()).err()
    };
    assert_eq!(start(RingFolder::new().root()), Some(RingFileError::WrongRoot(id(1))));
    fs::write(folder.ring(), "{}").unwrap();
    assert_eq!(start(folder.root()), Some(RingFileError::Malformed));
}

/// Replicas that have used the later revision, running or not.
#[test]
fn a_start_with_a_ring_older_than_one_in_use_before_is_refused() {
    let folder = RingFolder::new();
    let backup = fs::read(folder.ring()).unwrap();
    let holder = folder.holder();
    rotate(&holder);
    folder.reports().put(&holder.report(&replica("another")).stopped()).unwrap();
    let start = || {
        let clock = Arc::new(folder.clock.clone());
        let reporter = folder.reporter("one");
        reporter.publish().unwrap();
        RingHolder::load(folder.ring(), Box::new(folder.root()), clock, reporter.before()).err()
    };
    assert_eq!(start(), None);
    fs::write(folder.ring(), backup).unwrap();
    assert_eq!(start(), Some(RingFileError::Older { found: 1, held: 3 }));
    fs::remove_file(folder.report_of("another")).unwrap();
    assert_eq!(start(), Some(RingFileError::Older { found: 1, held: 3 }), "nor does it help to try again");
    fs::remove_dir_all(folder.report_of("one").parent().unwrap()).unwrap();
    assert_eq!(start(), None, "that is how it is accepted");
}

#[tokio::test]
async fn a_disabled_key_opens_nothing_at_once() {
    let folder = RingFolder::new();
    let holder = folder.holder();
    let sealed = holder.seal(&context(), &secret()).unwrap();
    rotate(&holder);
    change(&holder, |change| change.disable(id(1)));
    assert!(holder.open(&context(), &sealed).await.is_err());
    assert!(holder.rewrap(&context(), sealed).await.is_err());
    assert_eq!(holder.with_ring(|ring| ring.keys()[0].state), KeyState::Disabled);
    assert_eq!(holder.report(&replica("one")).loaded, [id(2)]);
}
