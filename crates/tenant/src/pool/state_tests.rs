use std::{cell::Cell, rc::Rc, time::Duration};

use postern_domain::Version;
use uuid::Uuid;

use super::*;

/// A caller that waits, by its number.
#[derive(Clone)]
struct Caller(u32, Rc<Cell<bool>>);

impl Waiter for Caller {
    fn is_gone(&self) -> bool {
        self.1.get()
    }
}

type State = super::State<&'static str, Caller>;

fn limits(per_pool: usize, total: usize, reserved: usize) -> PoolLimits {
    PoolLimits { per_pool, per_owner: total, total, reserved, ..PoolLimits::default() }
}

fn key(owner: u128, connection: u128) -> PoolKey {
    let (owner, connection) = (OwnerId(Uuid::from_u128(owner)), ConnectionId(Uuid::from_u128(connection)));
    PoolKey { owner, connection, version: Version(1) }
}

fn acquire(state: &mut State, key: PoolKey, number: u32) -> Acquired<&'static str> {
    state.acquire(key, true, || Caller(number, Rc::default()))
}

/// Acquires room, and opens a session in it.
fn open(state: &mut State, key: PoolKey) -> Reservation {
    match acquire(state, key, 0) {
        Acquired::Room(reservation) => state.opened(reservation),
        _ => panic!("no room"),
    }
}

fn wait(state: &mut State, key: PoolKey, number: u32) {
    assert!(matches!(acquire(state, key, number), Acquired::Waiting), "{number} does not wait");
}

fn idle(session: &'static str) -> Idle<&'static str> {
    Idle { session, opened: Instant::now(), since: Instant::now() }
}

/// The callers that get room now, in turn.
fn served(state: &mut State) -> Vec<u32> {
    std::iter::from_fn(|| state.next_opener().map(|(caller, _)| caller.0)).collect()
}

#[test]
fn a_reservation_counts_until_it_is_closed() {
    let mut state = State::new(limits(2, 4, 0));
    let reservation = open(&mut state, key(1, 1));
    assert_eq!(state.stats(), PoolStats { pools: 1, open: 1, idle: 0, waiting: 0 });
    state.close(reservation);
    assert_eq!(state.stats(), PoolStats { pools: 1, open: 0, idle: 0, waiting: 0 });
}

#[test]
fn a_pool_opens_one_session_at_a_time() {
    let mut state = State::new(limits(2, 4, 0));
    let Acquired::Room(reservation) = acquire(&mut state, key(1, 1), 1) else { panic!("no room") };
    wait(&mut state, key(1, 1), 2);
    assert!(served(&mut state).is_empty());
    state.opened(reservation);
    assert_eq!(served(&mut state), [2]);
}

#[test]
fn a_released_session_goes_to_the_first_that_waits_and_is_still_there() {
    let mut state = State::new(limits(1, 4, 0));
    let reservation = open(&mut state, key(1, 1));
    let gone = Rc::new(Cell::new(false));
    assert!(matches!(state.acquire(key(1, 1), true, || Caller(1, Rc::clone(&gone))), Acquired::Waiting));
    wait(&mut state, key(1, 1), 2);
    gone.set(true);
    match state.release(reservation, idle("a")) {
        Released::To(Caller(2, _), idle) => assert_eq!(idle.session, "a"),
        _ => panic!("it went elsewhere"),
    }
}

#[test]
fn the_reserve_is_kept_for_owners_that_have_no_session() {
    let mut state = State::new(limits(8, 8, 2));
    for _ in 0..6 {
        open(&mut state, key(1, 1));
    }
    wait(&mut state, key(1, 1), 1);
    assert_eq!(state.bound_in_the_way(key(1, 1).name()), Busy::Total);
    open(&mut state, key(2, 2));
    wait(&mut state, key(2, 2), 2);
    open(&mut state, key(3, 3));
    wait(&mut state, key(4, 4), 4);
    assert_eq!(state.stats().open, 8);
}

#[test]
fn room_that_becomes_free_goes_to_owners_without_a_session_first() {
    let mut state = State::new(limits(2, 4, 1));
    let busy = [(1, 1), (1, 1), (1, 2)].map(|(owner, pool)| open(&mut state, key(owner, pool)));
    open(&mut state, key(2, 3));
    wait(&mut state, key(1, 2), 1);
    wait(&mut state, key(3, 4), 3);
    state.close(busy[0]);
    assert_eq!(served(&mut state), [3]);
    // The reserve is used up, so the next room that becomes free is kept.
    state.close(busy[1]);
    assert!(served(&mut state).is_empty());
    state.close(busy[2]);
    assert_eq!(served(&mut state), [1]);
}

#[test]
fn an_owner_with_several_sessions_gives_one_up_to_an_owner_that_has_none() {
    let mut state = State::new(limits(2, 2, 0));
    let busy = [open(&mut state, key(1, 1)), open(&mut state, key(1, 1))];
    wait(&mut state, key(1, 1), 1);
    wait(&mut state, key(2, 2), 2);
    assert!(matches!(state.release(busy[0], idle("a")), Released::Discarded));
    state.close(busy[0]);
    assert_eq!(state.take_discarded().len(), 1);
    assert_eq!(served(&mut state), [2]);
    // Its last one it keeps.
    assert!(matches!(state.release(busy[1], idle("b")), Released::To(Caller(1, _), _)));
}

#[test]
fn a_caller_that_may_not_open_waits_for_sessions_only() {
    let mut state = State::new(limits(2, 4, 0));
    let reservation = open(&mut state, key(1, 1));
    let may_not = |state: &mut State| state.acquire(key(1, 1), false, || Caller(1, Rc::default()));
    assert!(matches!(may_not(&mut state), Acquired::Waiting));
    assert!(served(&mut state).is_empty());
    state.close(reservation);
    assert_eq!(state.stats().waiting, 0, "nothing will come for it");
    assert!(matches!(may_not(&mut state), Acquired::NoSession));
    state.remove(key(1, 1).name());
    assert!(matches!(may_not(&mut state), Acquired::Superseded));
}

#[test]
fn a_failure_is_shared_only_where_the_pool_has_no_session() {
    let mut state = State::new(limits(2, 4, 0));
    for (has_other, expected) in [(false, 1), (true, 0)] {
        let key = key(1, 1 + u128::from(has_other));
        if has_other {
            open(&mut state, key);
        }
        let Acquired::Room(reservation) = acquire(&mut state, key, 1) else { panic!("no room") };
        wait(&mut state, key, 2);
        let failure = state.open_failed(reservation, true);
        assert_eq!((failure.shared_by.len(), failure.has_others), (expected, has_other));
    }
}

#[test]
fn expired_sessions_and_empty_pools_are_forgotten() {
    let mut state = State::new(limits(2, 4, 0));
    let reservation = open(&mut state, key(1, 1));
    assert!(matches!(state.release(reservation, idle("a")), Released::Idle));
    state.expire(Instant::now());
    assert_eq!(state.stats().idle, 1);
    state.expire(Instant::now() + Duration::from_mins(1));
    assert_eq!(state.stats(), PoolStats::default());
    assert_eq!(state.take_discarded()[0].session, "a");
}
