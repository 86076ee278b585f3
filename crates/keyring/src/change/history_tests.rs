//! Random histories of a ring.

use std::collections::BTreeSet;

use postern_domain::Secret;
use postern_envelope::{KeyInfo, SystemEntropy};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    FileRoot,
    test_support::{RingFixture, context, root},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Stage,
    Promote(usize),
    Disable(usize),
    Enable(usize),
    Destroy(usize),
    MoveRoot,
    Seal,
    Rewrap(usize),
    Clock(u64),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Stage),
        4 => (0_usize..8).prop_map(Step::Promote),
        2 => (0_usize..8).prop_map(Step::Disable),
        2 => (0_usize..8).prop_map(Step::Enable),
        2 => (0_usize..8).prop_map(Step::Destroy),
        1 => Just(Step::MoveRoot),
        4 => Just(Step::Seal),
        2 => any::<usize>().prop_map(Step::Rewrap),
        1 => (0_u64..2_000_000_000).prop_map(Step::Clock),
        1 => Just(Step::Reload),
    ]
}

/// A ring, two roots of which it has one, and all that was sealed under it.
struct History {
    fixture: RingFixture,
    roots: [FileRoot; 2],
    _folders: [tempfile::TempDir; 2],
    current: usize,
    seals: Vec<Vec<u8>>,
    ids: BTreeSet<KeyId>,
    last: Vec<KeyInfo>,
    /// What a process holds that reads the file now and then.
    held: LoadedRing,
}

impl History {
    fn new() -> Self {
        let [(one, first), (two, second)] = [root(1), root(2)];
        let fixture = RingFixture::new();
        let last = fixture.load().keys().to_vec();
        let (ids, held) = (BTreeSet::from([KeyId::FIRST]), fixture.load());
        let roots = [first, second];
        Self { fixture, roots, _folders: [one, two], current: 0, seals: Vec::new(), ids, last, held }
    }

    fn ring(&self) -> LoadedRing {
        ring_file::load(&self.fixture.path, &self.roots[self.current]).unwrap()
    }

    fn take(&mut self, step: Step) {
        let editor = RingEditor { root: &self.roots[self.current], ..self.fixture.editor() };
        let id = |at: usize| self.last[at % self.last.len()].id;
        // A step that the state does not allow is refused; that is as good a step as any.
        match step {
            Step::Stage => {
                let (staged, _) = editor.stage(Base::default()).unwrap();
                assert!(self.ids.insert(staged), "{staged} was used before");
            }
            Step::Promote(at) => drop(editor.promote(id(at), Base::default())),
            Step::Disable(at) => drop(editor.disable(id(at), Base::default())),
            Step::Enable(at) => drop(editor.enable(id(at), Base::default())),
            Step::Destroy(at) => drop(editor.destroy(id(at), Base::default())),
            Step::MoveRoot => {
                editor.move_root(&self.roots[1 - self.current], Base::default()).unwrap();
                self.current = 1 - self.current;
            }
            Step::Seal => {
                let secret = Secret::new(vec![u8::try_from(self.seals.len() % 256).unwrap(); 5]);
                self.seals.push(self.ring().seal(&context(), &secret, &SystemEntropy).unwrap());
            }
            Step::Rewrap(at) if !self.seals.is_empty() => {
                let at = at % self.seals.len();
                let rewrapped = self.ring().rewrap(&context(), &self.seals[at], &SystemEntropy);
                if let Ok(postern_envelope::Rewrapped::Replaced { sealed, .. }) = rewrapped {
                    self.seals[at] = sealed;
                }
            }
            Step::Rewrap(_) => {}
            Step::Reload => {
                let newer = ring_file::reload(&self.fixture.path, &self.roots[self.current], &self.held);
                if let Some(newer) = newer.unwrap() {
                    self.held = newer;
                }
            }
            Step::Clock(now) => self.fixture.clock.0.store(now, std::sync::atomic::Ordering::Relaxed),
        }
    }

    fn check(&mut self) {
        let ring = self.ring();
        let primaries = ring.keys().iter().filter(|key| key.state == KeyState::Primary);
        assert_eq!(primaries.count(), 1);
        assert_eq!(ring.keys().iter().map(|key| key.id).collect::<BTreeSet<_>>(), self.ids);
        for (before, now) in self.last.iter().zip(ring.keys()) {
            assert_eq!((before.id, before.created_at), (now.id, now.created_at));
            let enabled = (before.state, now.state) == (KeyState::Disabled, KeyState::Active);
            assert!(before.state_since <= now.state_since);
            assert!(rank(before.state) <= rank(now.state) || enabled);
        }
        for (number, sealed) in self.seals.iter().enumerate() {
            let id = KeyId::from_be_bytes(sealed[4..8].try_into().unwrap()).unwrap();
            let state = ring.keys().iter().find(|key| key.id == id).unwrap().state;
            let opened = ring.open(&context(), sealed);
            assert_eq!(opened.is_ok(), state.may_open(), "seal {number} under key {id}, {state}");
            assert!(
                opened.is_err() || opened.unwrap().secret.expose()[0] == u8::try_from(number % 256).unwrap()
            );
        }
        self.last = ring.keys().to_vec();
    }
}

fn rank(state: KeyState) -> u8 {
    match state {
        KeyState::Staged => 0,
        KeyState::Primary => 1,
        KeyState::Active => 2,
        KeyState::Disabled => 3,
        KeyState::Destroyed => 4,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_one_key_seals_ids_are_new_and_seals_open(steps in vec(step(), 1..40)) {
        let mut history = History::new();
        for step in steps {
            history.take(step);
            history.check();
        }
    }
}
