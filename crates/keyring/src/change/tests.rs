use std::{
    fs,
    path::PathBuf,
    sync::{Barrier, atomic::Ordering},
    thread,
};

use postern_domain::Secret;
use postern_envelope::{KeyInfo, MasterKey, SystemEntropy};

use super::*;
use crate::{
    FileRoot, RootError,
    ring_file::{document::StoredKey, unlock::wrapped_bytes},
    test_support::{FixedEntropy, NEW_YEAR, NoEntropy, RingFixture, context, id, root},
};

fn states(ring: &LoadedRing) -> Vec<(u32, KeyState)> {
    ring.keys().iter().map(|key| (key.id.get(), key.state)).collect()
}

fn sealed(ring: &LoadedRing) -> Vec<u8> {
    ring.seal(&context(), &Secret::new(b"hunter2".to_vec()), &SystemEntropy).unwrap()
}

fn opens(ring: &LoadedRing, sealed: &[u8]) -> bool {
    ring.open(&context(), sealed).is_ok()
}

#[test]
fn a_key_goes_through_its_life() {
    use KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let fixture = RingFixture::new();
    let editor = fixture.editor();
    let old = sealed(&fixture.load());

    let (two, ring) = editor.stage(Base::default()).unwrap();
    assert_eq!((two, ring.revision(), ring.primary()), (id(2), 2, id(1)));
    assert_eq!(states(&ring), [(1, Primary), (2, Staged)]);

    let ring = editor.promote(two, Base::default()).unwrap();
    assert_eq!(states(&ring), [(1, Active), (2, Primary)]);
    assert!(opens(&ring, &old) && sealed(&ring)[7] == 2);

    let ring = editor.disable(id(1), Base::default()).unwrap();
    assert_eq!(states(&ring), [(1, Disabled), (2, Primary)]);
    assert!(!opens(&ring, &old));

    let ring = editor.destroy(id(1), Base::default()).unwrap();
    assert_eq!((states(&ring), ring.revision()), (vec![(1, Destroyed), (2, Primary)], 5));

    let (three, _) = editor.stage(Base::default()).unwrap();
    assert_eq!(three, id(3), "the id of a destroyed key is not given again");
    let ring = editor.disable(three, Base::default()).unwrap();
    assert_eq!(states(&ring), [(1, Destroyed), (2, Primary), (3, Disabled)]);
    assert_eq!(states(&fixture.load()), states(&ring));
}

#[test]
fn a_disabled_key_that_is_still_needed_is_taken_back() {
    use KeyState::{Active, Primary};
    let fixture = RingFixture::new();
    let editor = fixture.editor();
    let old = sealed(&fixture.load());
    fixture.rotate();
    let ring = editor.disable(id(1), Base::default()).unwrap();
    assert!(!opens(&ring, &old));
    fixture.clock.0.store(NEW_YEAR + 60, Ordering::Relaxed);

    let ring = editor.enable(id(1), Base { expected: Some(4), held: Some(&ring) }).unwrap();
    assert_eq!((states(&ring), ring.revision()), (vec![(1, Active), (2, Primary)], 5));
    assert_eq!((ring.keys()[0].created_at, ring.keys()[0].state_since), (NEW_YEAR, NEW_YEAR + 60));
    assert!(opens(&ring, &old) && opens(&fixture.load(), &old));
    assert_eq!(sealed(&ring)[7], 2, "it does not seal");

    // A key that was never promoted also becomes active, and can no longer be promoted.
    let (three, _) = editor.stage(Base::default()).unwrap();
    editor.disable(three, Base::default()).unwrap();
    assert_eq!(states(&editor.enable(three, Base::default()).unwrap())[2], (3, Active));
}

#[test]
fn a_destroyed_key_is_nowhere_in_the_folder() {
    let fixture = RingFixture::new();
    let document = RingDocument::parse(&fixture.bytes()).unwrap();
    let wrapped = document.keys[0].wrapped.clone().unwrap();
    let leftover = fixture.folder.path().join(".keyring.json.killed.tmp");
    fs::write(&leftover, fixture.bytes()).unwrap();

    fixture.rotate();
    fixture.editor().disable(id(1), Base::default()).unwrap();
    fixture.editor().destroy(id(1), Base::default()).unwrap();
    for entry in fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(wrapped.len()).any(|window| window == wrapped.as_bytes()));
    }
    assert!(!leftover.exists());
}

type Change = fn(&RingEditor<'_>, KeyId) -> Result<LoadedRing, ChangeError>;

#[test]
fn a_change_that_does_not_fit_the_state_is_refused_and_changes_nothing() {
    use KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let fixture = RingFixture::new();
    let editor = fixture.editor();
    // 1 destroyed, 2 disabled, 3 active, 4 primary, 5 staged.
    for _ in 2..=4 {
        fixture.rotate();
    }
    editor.stage(Base::default()).unwrap();
    for disabled in [1, 2] {
        editor.disable(id(disabled), Base::default()).unwrap();
    }
    editor.destroy(id(1), Base::default()).unwrap();
    let before = fixture.bytes();

    let all = [(1, Destroyed), (2, Disabled), (3, Active), (4, Primary), (5, Staged)];
    assert_eq!(states(&fixture.load()), all);
    let changes: [(&str, Change, &[u32]); 4] = [
        ("staged", |editor, id| editor.promote(id, Base::default()), &[5]),
        ("staged or active", |editor, id| editor.disable(id, Base::default()), &[3, 5]),
        ("disabled", |editor, id| editor.enable(id, Base::default()), &[2]),
        ("disabled", |editor, id| editor.destroy(id, Base::default()), &[2]),
    ];
    for (wanted, change, allowed) in changes {
        for (number, found) in all.into_iter().filter(|(number, _)| !allowed.contains(number)) {
            let refused = change(&editor, id(number)).err();
            assert_eq!(refused, Some(ChangeError::WrongState { id: id(number), found, wanted }));
        }
        assert_eq!(change(&editor, id(6)).err(), Some(ChangeError::UnknownKey(id(6))));
    }
    assert_eq!(fixture.bytes(), before);
}

#[test]
fn a_change_decided_on_another_revision_is_refused() {
    let fixture = RingFixture::new();
    let at = |revision| Base { expected: Some(revision), ..Base::default() };
    fixture.editor().stage(at(1)).unwrap();
    for expected in [0, 1, 3, u64::MAX] {
        let refused = fixture.editor().promote(id(2), at(expected)).err();
        assert_eq!(refused, Some(ChangeError::Stale { expected, found: 2 }));
    }
    fixture.editor().promote(id(2), at(2)).unwrap();
}

/// A root that counts how often it is asked, and does not answer when it is down.
struct Remote<'a> {
    inner: &'a FileRoot,
    up: bool,
}

impl Root for Remote<'_> {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        if self.up { self.inner.wrap_key(id, key, entropy) } else { Err(RootError::Unavailable) }
    }

    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        if self.up { self.inner.unwrap_key(id, wrapped) } else { Err(RootError::Unavailable) }
    }
}

#[test]
fn with_the_root_down_keys_can_be_disabled_and_none_is_staged_or_enabled() {
    let fixture = RingFixture::new();
    fixture.rotate();
    let (held, before) = (fixture.load(), fixture.bytes());
    let down = Remote { inner: &fixture.root, up: false };
    let editor = RingEditor { root: &down, ..fixture.editor() };
    let base = Base { held: Some(&held), ..Base::default() };

    let refused = editor.stage(base).err();
    assert_eq!(refused, Some(ChangeError::Ring(RingFileError::RootUnavailable)));
    assert_eq!(fixture.bytes(), before);

    let ring = editor.disable(id(1), base).unwrap();
    assert!(!ring.may_open(id(1)));
    let reloaded = ring_file::reload(&fixture.path, &down, &held).unwrap().unwrap();
    assert!(opens(&reloaded, &sealed(&held)));

    // The process has forgotten the key, and must ask for it.
    let before = fixture.bytes();
    let refused = editor.enable(id(1), Base { expected: None, held: Some(&reloaded) }).err();
    assert_eq!(refused, Some(ChangeError::Ring(RingFileError::RootUnavailable)));
    assert_eq!(fixture.bytes(), before);
}

/// A root whose wrapping does not unwrap to the key.
struct Garbage<'a>(&'a FileRoot);

impl Root for Garbage<'_> {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn wrap_key(&self, id: KeyId, _: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        self.0.wrap_key(id, &MasterKey::from_slice(&[0; 32]).unwrap(), entropy)
    }

    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        self.0.unwrap_key(id, wrapped)
    }
}

#[test]
fn a_root_that_gives_garbage_and_missing_randomness_change_nothing() {
    let fixture = RingFixture::new();
    let before = fixture.bytes();
    let garbage = Garbage(&fixture.root);
    let editor = RingEditor { root: &garbage, ..fixture.editor() };
    assert_eq!(editor.stage(Base::default()).err(), Some(ChangeError::Ring(RingFileError::WrongRoot(id(2)))));
    let moved = fixture.editor().move_root(&garbage, Base::default()).err();
    assert_eq!(moved, Some(ChangeError::Ring(RingFileError::WrongRoot(id(1)))));
    let editor = RingEditor { entropy: &NoEntropy, ..fixture.editor() };
    assert!(matches!(editor.stage(Base::default()), Err(ChangeError::Ring(RingFileError::Entropy(_)))));
    assert_eq!(fixture.bytes(), before);
}

#[test]
fn a_ring_moves_to_another_root_whole() {
    let fixture = RingFixture::new();
    let first = sealed(&fixture.load());
    fixture.rotate();
    fixture.rotate();
    fixture.editor().disable(id(2), Base::default()).unwrap();
    let (_folder, other) = root(2);

    let held = fixture.load();
    let moved = fixture.editor().move_root(&other, Base::default()).unwrap();
    assert!(opens(&moved, &first));
    let reloaded = |root| ring_file::reload(&fixture.path, root, &held).map(|ring| ring.is_some());
    assert_eq!(reloaded(&fixture.root), Err(RingFileError::WrongRoot(id(1))));
    assert_eq!(reloaded(&other), Ok(true));
    let refused = ring_file::load(&fixture.path, &fixture.root).err();
    assert_eq!(refused, Some(RingFileError::WrongRoot(id(1))));
    let loaded = ring_file::load(&fixture.path, &other).unwrap();
    assert!(opens(&loaded, &first) && opens(&loaded, &sealed(&moved)));

    // The disabled key has moved too: it is there to be enabled again.
    let document = RingDocument::parse(&fixture.bytes()).unwrap();
    let wrapped = wrapped_bytes(&document.keys[1]).unwrap();
    assert!(other.unwrap_key(id(2), &wrapped).is_ok());
    let times = |ring: &LoadedRing| ring.keys().iter().map(|key| key.state_since).collect::<Vec<_>>();
    assert_eq!(times(&loaded), [NEW_YEAR; 3]);
}

#[test]
fn a_move_that_fails_half_way_changes_nothing() {
    /// Wraps the first key only.
    struct OneKey<'a>(&'a FileRoot);
    impl Root for OneKey<'_> {
        fn kind(&self) -> &'static str {
            self.0.kind()
        }
        fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
            if id == KeyId::FIRST { self.0.wrap_key(id, key, entropy) } else { Err(RootError::Unavailable) }
        }
        fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
            self.0.unwrap_key(id, wrapped)
        }
    }
    let fixture = RingFixture::new();
    fixture.rotate();
    let before = fixture.bytes();
    let (_folder, other) = root(2);
    let refused = fixture.editor().move_root(&OneKey(&other), Base::default()).err();
    assert_eq!(refused, Some(ChangeError::Ring(RingFileError::RootUnavailable)));
    assert_eq!(fixture.bytes(), before);
}

#[test]
fn times_do_not_go_back_with_the_clock() {
    let fixture = RingFixture::new();
    fixture.clock.0.store(NEW_YEAR - 86_400, Ordering::Relaxed);
    fixture.rotate();
    let ring = fixture.load();
    assert!(ring.keys().iter().all(|key| key.state_since == NEW_YEAR && key.created_at == NEW_YEAR));
    fixture.clock.0.store(NEW_YEAR + 9, Ordering::Relaxed);
    fixture.rotate();
    let newest = fixture.load().keys()[2];
    assert_eq!((newest.created_at, newest.state_since), (NEW_YEAR + 9, NEW_YEAR + 9));
}

#[test]
fn a_full_ring_takes_no_key() {
    let fixture = RingFixture::new();
    let last = StoredKey::new(
        KeyInfo { id: id(u32::MAX), state: KeyState::Destroyed, created_at: 1, state_since: 1 },
        None,
    );
    let mut document = RingDocument::parse(&fixture.bytes()).unwrap();
    document.keys.push(last);
    fs::write(&fixture.path, RingDocument::new(2, FileRoot::KIND, document.keys).to_bytes()).unwrap();
    assert_eq!(fixture.editor().stage(Base::default()).err(), Some(ChangeError::Full));
}

#[test]
fn nothing_is_written_that_could_not_be_read_again() {
    let fixture = RingFixture::new();
    let document = RingDocument::parse(&fixture.bytes()).unwrap();
    let last = RingDocument::new(u64::try_from(i64::MAX).unwrap(), FileRoot::KIND, document.keys);
    fs::write(&fixture.path, last.to_bytes()).unwrap();
    let refused = fixture.editor().stage(Base::default()).err();
    assert_eq!(refused, Some(ChangeError::Ring(RingFileError::Malformed)));
    assert!(fixture.bytes() == last.to_bytes());
}

#[test]
fn a_missing_ring_is_not_made_by_a_change() {
    let fixture = RingFixture::new();
    fs::remove_file(&fixture.path).unwrap();
    let refused = fixture.editor().stage(Base::default()).err();
    assert_eq!(refused, Some(ChangeError::Ring(RingFileError::Missing)));
    let nowhere = RingEditor { path: &PathBuf::from("/nowhere/keyring.json"), ..fixture.editor() };
    assert!(nowhere.stage(Base::default()).is_err());
}

#[test]
fn of_many_that_decide_on_one_revision_one_changes_it() {
    let fixture = RingFixture::new();
    let barrier = Barrier::new(8);
    let base = Base { expected: Some(1), ..Base::default() };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let race = || {
            barrier.wait();
            fixture.editor().stage(base).map(|(id, _)| id)
        };
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(race)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let stale = Err(ChangeError::Stale { expected: 1, found: 2 });
    assert!(outcomes.iter().filter(|outcome| outcome.is_err()).all(|outcome| *outcome == stale));
}

#[test]
fn changes_made_at_once_all_count() {
    let fixture = RingFixture::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fixture.editor().stage(Base::default()).unwrap());
        }
    });
    let ring = fixture.load();
    assert_eq!((ring.revision(), ring.keys().len()), (9, 9));
}

/// The same key under two ids would still be two keys: each id wraps its own.
#[test]
fn a_staged_key_is_random() {
    let fixture = RingFixture::new();
    let editor = RingEditor { entropy: &SystemEntropy, ..fixture.editor() };
    editor.stage(Base::default()).unwrap();
    let document = RingDocument::parse(&fixture.bytes()).unwrap();
    let [one, two] = [0, 1].map(|at| {
        let key = &document.keys[at];
        *fixture.root.unwrap_key(key.info().id, &wrapped_bytes(key).unwrap()).unwrap().expose()
    });
    assert_ne!(one, two);
    assert!(MasterKey::generate(&FixedEntropy(&[3; 32])).unwrap().expose() == &[3; 32]);
}
