use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::task::{JoinSet, yield_now};
use uuid::Uuid;

use super::*;
use crate::{
    AuthError, PostgresSession, Statement, TenantError,
    postgres::fake::{Server, Way, closing, opening, ready, session, soon},
};

type Pools = super::Pools<PostgresSession, TenantError>;
type Failed = AcquireError<TenantError>;

fn key(connection: u128, version: i64) -> PoolKey {
    let (owner, connection) = (OwnerId(Uuid::from_u128(1)), ConnectionId(Uuid::from_u128(connection)));
    PoolKey { owner, connection, version: Version(version) }
}

fn limits(per_pool: usize, total: usize) -> PoolLimits {
    PoolLimits { per_pool, total, reserved: 0, ..PoolLimits::default() }
}

/// Opens scripted sessions, keeps their servers, and counts.
#[derive(Default)]
struct Opener {
    opened: AtomicUsize,
    servers: Mutex<Vec<(Server, Arc<Way>)>>,
}

impl Opener {
    async fn open(&self) -> Result<PostgresSession, TenantError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (connection, server, way) = session();
        self.servers.lock().unwrap().push((server, way));
        Ok(connection)
    }

    fn count(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    fn server(&self, number: usize) -> (Server, Arc<Way>) {
        self.servers.lock().unwrap().remove(number)
    }
}

async fn get(pools: &Pools, opener: &Opener, key: PoolKey) -> Pooled<PostgresSession> {
    pools.acquire(key, soon(), async || opener.open().await).await.unwrap()
}

async fn failure(pools: &Pools, key: PoolKey, error: TenantError) -> Failed {
    pools.acquire(key, soon(), async || Err(error)).await.err().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again_and_again() {
    let (pools, opener) = (Pools::new(limits(4, 8)), Opener::default());
    let first = get(&pools, &opener, key(1, 1)).await;
    drop(first);
    assert_eq!(pools.stats(), PoolStats { pools: 1, open: 1, idle: 1, waiting: 0 });
    let _again = get(&pools, &opener, key(1, 1)).await;
    assert_eq!((opener.count(), pools.stats().idle), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn parallel_cold_callers_open_a_few_connections_and_not_one_each() {
    let (pools, opener) = (Arc::new(Pools::new(limits(4, 8))), Arc::new(Opener::default()));
    let mut callers = JoinSet::new();
    for _ in 0..40 {
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        callers.spawn(async move {
            let _held = get(&pools, &opener, key(1, 1)).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    assert!(opener.count() <= 3, "{}", opener.count());
}

#[tokio::test(start_paused = true)]
async fn a_busy_pool_grows_to_its_limit_and_then_callers_wait_in_turn() {
    let (pools, opener) = (Arc::new(Pools::new(limits(2, 8))), Arc::new(Opener::default()));
    let first = get(&pools, &opener, key(1, 1)).await;
    let second = get(&pools, &opener, key(1, 1)).await;
    assert_eq!(opener.count(), 2);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut callers = JoinSet::new();
    for number in 0..3 {
        let (pools, opener, order) = (Arc::clone(&pools), Arc::clone(&opener), Arc::clone(&order));
        callers.spawn(async move {
            let held = get(&pools, &opener, key(1, 1)).await;
            order.lock().unwrap().push(number);
            drop(held);
        });
        yield_now().await;
    }
    assert_eq!(pools.stats().waiting, 3);
    drop(first);
    while callers.join_next().await.is_some() {}
    assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
    assert_eq!(opener.count(), 2);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waited_long_enough_is_told_that_the_pool_is_busy() {
    let (pools, opener) = (Pools::new(limits(1, 8)), Opener::default());
    let held = get(&pools, &opener, key(1, 1)).await;
    let until = Instant::now() + Duration::from_secs(1);
    let refused = pools.acquire(key(1, 1), until, async || opener.open().await).await;
    assert!(matches!(refused, Err(AcquireError::Busy(Busy::Pool))));
    drop(held);
    assert_eq!(pools.stats().idle, 1, "the connection is not lost on a caller that is gone");
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_answers_all_who_waited_for_it() {
    let pools = Arc::new(Pools::new(limits(4, 8)));
    let tried = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let (pools, tried) = (Arc::clone(&pools), Arc::clone(&tried));
        callers.spawn(async move {
            let connect = async || {
                tried.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                Err(AuthError::Refused.into())
            };
            pools.acquire(key(1, 1), soon(), connect).await.err().unwrap()
        });
    }
    while let Some(error) = callers.join_next().await {
        assert!(matches!(error.unwrap(), AcquireError::Open(TenantError::Auth(AuthError::Refused))));
    }
    assert_eq!(tried.load(Ordering::SeqCst), 1);
    assert_eq!(pools.stats().open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_while_opening_passes_its_place_on() {
    let (pools, opener) = (Arc::new(Pools::new(limits(1, 8))), Arc::new(Opener::default()));
    let hanging = Arc::clone(&pools);
    let first = tokio::spawn(async move {
        drop(hanging.acquire(key(1, 1), soon(), async || std::future::pending().await).await);
    });
    yield_now().await;
    let waiting = tokio::spawn({
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        async move { drop(get(&pools, &opener, key(1, 1)).await) }
    });
    yield_now().await;
    first.abort();
    waiting.await.unwrap();
    assert_eq!(pools.stats(), PoolStats { pools: 1, open: 1, idle: 1, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_failed_growth_leaves_all_callers_waiting_for_what_there_is() {
    let (pools, opener) = (Arc::new(Pools::new(limits(3, 8))), Arc::new(Opener::default()));
    let held = get(&pools, &opener, key(1, 1)).await;
    let growing = tokio::spawn({
        let pools = Arc::clone(&pools);
        async move {
            let connect = async || {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Err(TenantError::TooManyConnections)
            };
            pools.acquire(key(1, 1), soon(), connect).await.map(drop)
        }
    });
    yield_now().await;
    let waiting = tokio::spawn({
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        async move { drop(get(&pools, &opener, key(1, 1)).await) }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(pools.stats().waiting, 2);
    drop(held);
    growing.await.unwrap().unwrap();
    waiting.await.unwrap();
    assert_eq!(opener.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_failed_to_open_is_told_so_once_no_other_session_is_left() {
    let (pools, opener) = (Arc::new(Pools::new(limits(3, 8))), Opener::default());
    let held = get(&pools, &opener, key(1, 1)).await;
    let growing = tokio::spawn({
        let pools = Arc::clone(&pools);
        async move { failure(&pools, key(1, 1), TenantError::TooManyConnections).await }
    });
    yield_now().await;
    assert_eq!(pools.stats().waiting, 1);
    let begun = Instant::now();
    held.close();
    let error = growing.await.unwrap();
    assert!(matches!(error, AcquireError::Open(TenantError::TooManyConnections)), "{error}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(pools.stats().open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_failed_to_open_is_told_why_at_its_deadline() {
    let (pools, opener) = (Pools::new(limits(3, 8)), Opener::default());
    let _held = get(&pools, &opener, key(1, 1)).await;
    let error = failure(&pools, key(1, 1), TenantError::TooManyConnections).await;
    assert!(matches!(error, AcquireError::Open(TenantError::TooManyConnections)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_a_session_is_opened_is_a_timeout() {
    let pools = Pools::new(limits(1, 8));
    let until = Instant::now() + Duration::from_secs(1);
    let late = pools.acquire(key(1, 1), until, async || std::future::pending().await).await;
    assert!(matches!(late, Err(AcquireError::Timeout)));
    assert_eq!(pools.stats().open, 0);
}

/// Waits in vain for a second, and gives the bound that was in the way.
async fn busy(pools: &Pools, opener: &Opener, key: PoolKey) -> Busy {
    let until = Instant::now() + Duration::from_secs(1);
    match pools.acquire(key, until, async || opener.open().await).await.map(drop) {
        Err(AcquireError::Busy(bound)) => bound,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_whose_sessions_are_in_use() {
    let bounds = PoolLimits { per_owner: 2, ..limits(1, 3) };
    let (pools, opener) = (Pools::new(bounds), Opener::default());
    let _first = get(&pools, &opener, key(1, 1)).await;
    assert_eq!(busy(&pools, &opener, key(1, 1)).await, Busy::Pool);
    let _second = get(&pools, &opener, key(2, 1)).await;
    assert_eq!(busy(&pools, &opener, key(3, 1)).await, Busy::Owner);
    let other = |owner, connection| PoolKey { owner: OwnerId(Uuid::from_u128(owner)), ..key(connection, 1) };
    let _third = get(&pools, &opener, other(2, 4)).await;
    assert_eq!(busy(&pools, &opener, other(3, 5)).await, Busy::Total);
}

#[tokio::test(start_paused = true)]
async fn an_evicted_pool_closes_its_sessions_and_sends_its_callers_away() {
    let (pools, opener) = (Arc::new(Pools::new(limits(2, 8))), Arc::new(Opener::default()));
    let (first, second) = (get(&pools, &opener, key(1, 1)).await, get(&pools, &opener, key(1, 1)).await);
    drop(second);
    let evict = || pools.evict(key(1, 1).owner, key(1, 1).connection);
    evict();
    assert_eq!(opener.server(1).0.read_to(b'X').await, "X");
    assert_eq!(pools.stats(), PoolStats { pools: 0, open: 1, idle: 0, waiting: 0 });
    drop(first);
    assert_eq!(opener.server(0).0.read_to(b'X').await, "X");

    let _held = (get(&pools, &opener, key(1, 1)).await, get(&pools, &opener, key(1, 1)).await);
    let waiting = tokio::spawn({
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        async move { pools.acquire(key(1, 1), soon(), async || opener.open().await).await.map(drop) }
    });
    yield_now().await;
    evict();
    assert!(matches!(waiting.await.unwrap(), Err(AcquireError::Superseded)));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_its_server_has_closed_is_not_handed_to_a_waiting_caller() {
    let (pools, opener) = (Arc::new(Pools::new(limits(1, 8))), Arc::new(Opener::default()));
    let held = get(&pools, &opener, key(1, 1)).await;
    let waiting = tokio::spawn({
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        async move { drop(get(&pools, &opener, key(1, 1)).await) }
    });
    yield_now().await;
    let (mut server, _way) = opener.server(0);
    server.send(&ready(b'I')).await;
    drop(held);
    waiting.await.unwrap();
    assert_eq!(opener.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn owners_without_a_session_get_one_while_others_hold_all_the_rest() {
    let (pools, opener) = (Arc::new(Pools::new(PoolLimits::default())), Arc::new(Opener::default()));
    let of = |owner, connection| PoolKey { owner: OwnerId(Uuid::from_u128(owner)), ..key(connection, 1) };
    let mut held = JoinSet::new();
    for number in 0..16 * 32 {
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        let key = of(1 + number % 16, number / 64);
        held.spawn(async move { get(&pools, &opener, key).await });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((pools.stats().open, pools.stats().waiting), (512 - 64, 64));
    let begun = Instant::now();
    let _first = get(&pools, &opener, of(17, 1)).await;
    assert!(begun.elapsed() < Duration::from_millis(30), "no longer than opening it takes");
    // Its second one is in the same line as everybody else's.
    assert_eq!(busy(&pools, &opener, of(17, 1)).await, Busy::Total);
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_closes_the_older_ones_connections() {
    let (pools, opener) = (Pools::new(limits(4, 8)), Opener::default());
    let busy = get(&pools, &opener, key(1, 1)).await;
    drop(get(&pools, &opener, key(1, 1)).await);
    let newer = get(&pools, &opener, key(1, 2)).await;
    assert_eq!(pools.stats(), PoolStats { pools: 1, open: 2, idle: 0, waiting: 0 });
    assert_eq!(opener.server(1).0.read_to(b'X').await, "X");
    drop(busy);
    assert_eq!(opener.server(0).0.read_to(b'X').await, "X");
    assert_eq!(pools.stats().open, 1);
    let old = pools.acquire(key(1, 1), soon(), async || opener.open().await).await;
    assert!(matches!(old, Err(AcquireError::Superseded)));
    drop(newer);
    assert_eq!(pools.stats().idle, 1);
}

#[tokio::test(start_paused = true)]
async fn the_total_takes_idle_connections_from_other_pools_and_else_makes_callers_wait() {
    let (pools, opener) = (Arc::new(Pools::new(limits(4, 2))), Arc::new(Opener::default()));
    drop(get(&pools, &opener, key(1, 1)).await);
    let second = get(&pools, &opener, key(2, 1)).await;
    let third = get(&pools, &opener, key(3, 1)).await;
    assert_eq!((pools.stats().open, pools.stats().idle), (2, 0));
    let waiting = tokio::spawn({
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        async move { drop(get(&pools, &opener, key(4, 1)).await) }
    });
    yield_now().await;
    assert_eq!(pools.stats().waiting, 1);
    drop(second);
    waiting.await.unwrap();
    assert_eq!(pools.stats().open, 2);
    drop(third);
}

#[tokio::test(start_paused = true)]
async fn one_owner_cannot_take_the_room_of_others() {
    let (pools, opener) = (Arc::new(Pools::new(PoolLimits::default())), Arc::new(Opener::default()));
    let mut held = JoinSet::new();
    for number in 0..40 {
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        held.spawn(async move { get(&pools, &opener, key(number / 4, 1)).await });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((pools.stats().open, pools.stats().waiting), (32, 8));
    let other = PoolKey { owner: OwnerId(Uuid::from_u128(2)), ..key(1, 1) };
    let until = Instant::now() + Duration::from_secs(1);
    pools.acquire(other, until, async || opener.open().await).await.unwrap();
    // Whatever the owner gives back goes to those of its own that wait, whichever of its databases they want.
    while let Some(pooled) = held.join_next().await {
        drop(pooled.unwrap());
    }
    assert_eq!((opener.count(), pools.stats().waiting), (41, 0));
}

#[tokio::test(start_paused = true)]
async fn an_owner_at_its_bound_gives_up_its_idle_sessions() {
    let (pools, opener) = (Pools::new(PoolLimits { per_owner: 2, ..limits(2, 8) }), Opener::default());
    drop(get(&pools, &opener, key(1, 1)).await);
    let _second = get(&pools, &opener, key(2, 1)).await;
    let _third = get(&pools, &opener, key(3, 1)).await;
    assert_eq!((pools.stats().open, pools.stats().idle), (2, 0));
    assert_eq!(opener.server(0).0.read_to(b'X').await, "X");
}

#[tokio::test(start_paused = true)]
async fn owners_that_wait_for_room_come_to_turns() {
    let (pools, opener) = (Arc::new(Pools::new(limits(1, 1))), Arc::new(Opener::default()));
    let first = get(&pools, &opener, key(0, 1)).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut callers = JoinSet::new();
    for (owner, connection) in [(1, 1), (1, 2), (1, 3), (2, 4)] {
        let (pools, opener, order) = (Arc::clone(&pools), Arc::clone(&opener), Arc::clone(&order));
        callers.spawn(async move {
            let key = PoolKey { owner: OwnerId(Uuid::from_u128(owner)), ..key(connection, 1) };
            let held = get(&pools, &opener, key).await;
            order.lock().unwrap().push(connection);
            drop(held);
        });
        yield_now().await;
    }
    drop(first);
    while callers.join_next().await.is_some() {}
    assert_eq!(*order.lock().unwrap(), [1, 4, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_too_many_is_told_at_once_that_the_pool_is_busy() {
    let (pools, opener) = (Arc::new(Pools::new(limits(1, 8))), Arc::new(Opener::default()));
    let _held = get(&pools, &opener, key(1, 1)).await;
    let wait = || {
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        tokio::spawn(
            async move { pools.acquire(key(1, 1), soon(), async || opener.open().await).await.err() },
        )
    };
    let waiting: Vec<_> = (0..64).map(|_| wait()).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(pools.stats().waiting, 64);
    let begun = Instant::now();
    assert!(matches!(wait().await.unwrap(), Some(AcquireError::Busy(Busy::Pool))));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    // Who has gone does not count.
    waiting[0].abort();
    yield_now().await;
    drop(wait());
    yield_now().await;
    assert_eq!(pools.stats().waiting, 64);
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_are_closed_in_time_and_empty_pools_forgotten() {
    let (pools, opener) = (Pools::new(limits(4, 8)), Opener::default());
    drop(get(&pools, &opener, key(1, 1)).await);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(pools.stats().idle, 1);
    tokio::time::sleep(Duration::from_secs(26)).await;
    assert_eq!(pools.stats(), PoolStats::default());
    assert_eq!(opener.server(0).0.read_to(b'X').await, "X");
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_is_not_used_again() {
    let (pools, opener) = (Pools::new(limits(4, 8)), Opener::default());
    let old = get(&pools, &opener, key(1, 1)).await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    drop(old);
    assert_eq!(pools.stats().open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_its_server_closed_or_spoke_on_is_replaced() {
    let (pools, opener) = (Pools::new(limits(4, 8)), Opener::default());
    drop(get(&pools, &opener, key(1, 1)).await);
    drop(opener.server(0));
    drop(get(&pools, &opener, key(1, 1)).await);
    assert_eq!(opener.count(), 2);
    let (mut server, _way) = opener.server(0);
    server.send(b"E").await;
    drop(get(&pools, &opener, key(1, 1)).await);
    assert_eq!((opener.count(), pools.stats().open), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_statement_is_cancelled_and_its_connection_saved() {
    let (pools, opener) = (Pools::new(limits(1, 8)), Opener::default());
    let mut held = get(&pools, &opener, key(1, 1)).await;
    let (mut server, way) = opener.server(0);
    let mut canceller = way.expect();
    server.send(&opening(&[("n", 20)])).await;
    let task = tokio::spawn(async move {
        let statement = Statement::new("SELECT n", soon());
        held.query(&statement).await.map(|_| ()).unwrap();
    });
    yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(canceller.read_body().await.len(), 12);
    assert_eq!(pools.stats(), PoolStats { pools: 1, open: 1, idle: 0, waiting: 0 });
    drop(canceller);
    server.send(&closing("SELECT 0")).await;
    drop(get(&pools, &opener, key(1, 1)).await);
    assert_eq!(opener.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_at_the_callers_own_deadline_is_not_told_to_those_with_more_time() {
    let (pools, opener) = (Arc::new(Pools::new(limits(4, 8))), Arc::new(Opener::default()));
    let hasty = tokio::spawn({
        let pools = Arc::clone(&pools);
        let deadline = Instant::now() + Duration::from_secs(1);
        async move {
            let connect = async || {
                tokio::time::sleep_until(deadline).await;
                Err(TenantError::Unanswered)
            };
            pools.acquire(key(1, 1), deadline, connect).await.err()
        }
    });
    yield_now().await;
    drop(get(&pools, &opener, key(1, 1)).await);
    assert!(matches!(hasty.await.unwrap(), Some(AcquireError::Open(TenantError::Unanswered))));
}

#[tokio::test(start_paused = true)]
async fn callers_that_came_during_an_opening_are_in_line_for_room_after_it() {
    let (pools, opener) = (Arc::new(Pools::new(limits(4, 2))), Arc::new(Opener::default()));
    let elsewhere = get(&pools, &opener, key(2, 1)).await;
    let mut callers = JoinSet::new();
    for _ in 0..2 {
        let (pools, opener) = (Arc::clone(&pools), Arc::clone(&opener));
        callers.spawn(async move { get(&pools, &opener, key(1, 1)).await });
    }
    let first = callers.join_next().await.unwrap().unwrap();
    drop(elsewhere);
    let second = tokio::time::timeout(Duration::from_secs(1), callers.join_next()).await;
    assert!(second.is_ok(), "the room that became free went to nobody");
    assert_eq!(opener.count(), 3);
    drop(first);
}

/// Its caller may have gone already, while the task that notices has not run yet.
#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_session_that_may_have_a_statement_to_cancel() {
    let (pools, opener) = (Pools::new(limits(1, 8)), Opener::default());
    let held = get(&pools, &opener, key(1, 1)).await;
    let mut cancelled = std::pin::pin!(crate::statements_cancelled());
    assert!(
        cancelled.as_mut().now_or_never().is_none(),
        "the process would exit and leave the statement running"
    );
    drop(held);
    // Tests run in parallel, and others hold sessions for a moment too.
    cancelled.await;
    assert_eq!(pools.stats().idle, 1);
}
