use std::{fs, sync::atomic::Ordering};

use super::*;
use crate::{
    Base, ChangeError, RingEditor, ring_file,
    test_support::{NEW_YEAR, RingFixture, id, root},
};

#[test]
fn an_older_ring_and_another_one_of_the_same_revision_are_refused() {
    let fixture = RingFixture::new();
    let backup = fixture.bytes();
    fixture.rotate();
    let (held, current) = (fixture.load(), fixture.bytes());
    let refusals = |expected: RingFileError| {
        let base = Base { held: Some(&held), ..Base::default() };
        assert_eq!(ring_file::reload(&fixture.path, &fixture.root, &held).err(), Some(expected));
        assert_eq!(fixture.editor().stage(base).err(), Some(ChangeError::Ring(expected)));
    };

    fs::write(&fixture.path, &backup).unwrap();
    refusals(RingFileError::Older { found: 1, held: 3 });
    // The same two changes once more: another key of the same id.
    fixture.rotate();
    refusals(RingFileError::Forked { found: 3, held: 3 });
    fixture.rotate();
    refusals(RingFileError::Forked { found: 5, held: 3 });

    fs::write(&fixture.path, current).unwrap();
    assert!(ring_file::reload(&fixture.path, &fixture.root, &held).unwrap().is_none());
    fixture.editor().stage(Base::default()).unwrap();
    let newer = ring_file::reload(&fixture.path, &fixture.root, &held).unwrap().unwrap();
    assert_eq!(newer.revision(), 4);
}

type Step<'a> = &'a dyn Fn();

/// What is put back and changed has keys of the same ids in the end, and a later revision.
#[test]
fn a_ring_that_was_put_back_and_changed_is_not_the_ring_in_use() {
    let fixture = RingFixture::new();
    fixture.rotate();
    let backup = fixture.bytes();
    let (_folder, other) = root(2);
    let stage = || drop(fixture.editor().stage(Base::default()).unwrap());
    let end_the_first = || {
        fixture.editor().disable(id(1), Base::default()).unwrap();
        fixture.editor().destroy(id(1), Base::default()).unwrap();
    };
    let move_away_and_back = || {
        fixture.editor().move_root(&other, Base::default()).unwrap();
        let away = RingEditor { root: &other, ..fixture.editor() };
        away.move_root(&fixture.root, Base::default()).unwrap();
    };
    let disable_the_third = || drop(fixture.editor().disable(id(3), Base::default()).unwrap());
    let later = || fixture.clock.0.store(NEW_YEAR + 60, Ordering::Relaxed);

    let in_use: [&[Step<'_>]; 3] = [&[&stage], &[&end_the_first], &[&stage, &disable_the_third]];
    let forks: [(&str, usize, &[Step<'_>]); 7] = [
        ("it lacks a key", 0, &[&end_the_first]),
        ("another key, of the same second", 0, &[&stage, &stage]),
        ("another key, with all keys wrapped again", 0, &[&stage, &move_away_and_back]),
        ("another key, disabled", 2, &[&stage, &disable_the_third, &stage]),
        (
            "another key, disabled, of another second",
            2,
            &[&later, &stage, &disable_the_third, &move_away_and_back],
        ),
        ("a destroyed key is back", 1, &[&stage, &stage, &stage]),
        ("a destroyed key is back, wrapped again", 1, &[&stage, &move_away_and_back]),
    ];
    for (what, in_use, fork) in forks.map(|(what, at, fork)| (what, in_use[at], fork)) {
        let after = |steps: &[Step<'_>]| {
            fixture.clock.0.store(NEW_YEAR, Ordering::Relaxed);
            fs::write(&fixture.path, &backup).unwrap();
            for step in steps {
                step();
            }
            (fixture.load(), fixture.bytes())
        };
        let ((held, current), (found, forked)) = (after(in_use), after(fork));
        let refusal = RingFileError::Forked { found: found.revision(), held: held.revision() };
        assert!(found.revision() > held.revision(), "{what}");
        assert_eq!(ring_file::reload(&fixture.path, &fixture.root, &held).err(), Some(refusal), "{what}");
        let base = Base { held: Some(&held), ..Base::default() };
        assert_eq!(fixture.editor().stage(base).err(), Some(ChangeError::Ring(refusal)), "{what}");
        assert_eq!(fixture.bytes(), forked, "{what}");

        // The ring in use is the same one, however it was moved.
        fs::write(&fixture.path, current).unwrap();
        move_away_and_back();
        assert!(ring_file::reload(&fixture.path, &fixture.root, &held).unwrap().is_some(), "{what}");
    }
}
