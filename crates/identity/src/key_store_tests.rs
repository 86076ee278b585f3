use std::sync::LazyLock;

use tokio::sync::Semaphore;

use super::*;
use crate::test_support::{Issuing, Signer, jwks};

static ONE: LazyLock<Signer> = LazyLock::new(|| Signer::es256("one"));
static TWO: LazyLock<Signer> = LazyLock::new(|| Signer::es256("two"));

fn one() -> Bytes {
    jwks(&[ONE.jwk()])
}

fn both() -> Bytes {
    jwks(&[ONE.jwk(), TWO.jwk()])
}

fn two() -> Bytes {
    jwks(&[TWO.jwk()])
}

struct Fixture {
    store: Arc<KeyStore>,
    issuing: Arc<Issuing>,
    epoch: Arc<AtomicU64>,
}

impl Fixture {
    fn new(answers: impl IntoIterator<Item = Option<Bytes>>) -> Self {
        let issuing = Issuing::new(answers);
        let epoch = Arc::new(AtomicU64::new(0));
        let url = HttpUrl::parse("https://auth.example.com/jwks").unwrap();
        let store = Arc::new(KeyStore::new(url, issuing.clone(), Arc::clone(&epoch)));
        Self { store, issuing, epoch }
    }

    async fn find(&self, id: &str) -> Result<(), AuthError> {
        self.store.find(Some(id)).await.map(drop)
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }
}

/// Lets spawned tasks run without moving the clock to the next timer.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_before_the_first_token() {
    let fixture = Fixture::new([Some(one())]);
    settle().await;
    assert_eq!(fixture.issuing.fetches(), 0);
    assert_eq!(fixture.find("one").await, Ok(()));
    assert_eq!(fixture.find("one").await, Ok(()));
    assert_eq!(fixture.issuing.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_costs_one_fetch_in_30_seconds() {
    let fixture = Fixture::new([Some(one())]);
    for second in 0..90 {
        for i in 0..100 {
            assert_eq!(fixture.find(&format!("{second}-{i}")).await, Err(AuthError::KeyUnknown));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(fixture.issuing.fetches(), 3);
    assert_eq!(fixture.epoch(), 0);
}

#[tokio::test(start_paused = true)]
async fn concurrent_callers_share_one_fetch() {
    let fixture = Fixture::new([Some(one())]);
    fixture.issuing.gate.forget_permits(Semaphore::MAX_PERMITS);
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.find(Some("one")).await.map(drop) })
        })
        .collect();
    settle().await;
    assert_eq!(fixture.issuing.fetches(), 1);
    assert!(callers.iter().all(|caller| !caller.is_finished()));
    fixture.issuing.gate.add_permits(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Ok(()));
    }
    assert_eq!(fixture.issuing.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_take_the_refresh_along() {
    let fixture = Fixture::new([Some(one())]);
    fixture.issuing.gate.forget_permits(Semaphore::MAX_PERMITS);
    let store = Arc::clone(&fixture.store);
    let caller = tokio::spawn(async move { store.find(Some("one")).await.map(drop) });
    settle().await;
    caller.abort();
    settle().await;
    fixture.issuing.gate.add_permits(1);
    settle().await;
    assert_eq!(fixture.find("one").await, Ok(()));
    assert_eq!(fixture.issuing.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_after_the_interval() {
    let fixture = Fixture::new([Some(one()), Some(both())]);
    assert_eq!(fixture.find("one").await, Ok(()));
    assert_eq!(fixture.find("two").await, Err(AuthError::KeyUnknown));
    tokio::time::advance(REFRESH_INTERVAL).await;
    assert_eq!(fixture.find("two").await, Ok(()));
    assert_eq!(fixture.epoch(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_keeps_the_old_set() {
    for failure in [None, Some(Bytes::from_static(b"<html>"))] {
        let fixture = Fixture::new([Some(one()), failure]);
        assert_eq!(fixture.find("one").await, Ok(()));
        tokio::time::advance(2 * STALE_AFTER).await;
        assert_eq!(fixture.find("two").await, Err(AuthError::KeyUnknown));
        assert_eq!(fixture.find("one").await, Ok(()));
        assert_eq!((fixture.issuing.fetches(), fixture.epoch()), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_is_asked_again_soon_and_not_by_every_caller() {
    let fixture = Fixture::new([None, None, Some(one())]);
    for _ in 0..10 {
        assert_eq!(fixture.find("one").await, Err(AuthError::KeysUnavailable));
    }
    assert_eq!(fixture.issuing.fetches(), 1);
    tokio::time::advance(FIRST_LOAD_INTERVAL).await;
    assert_eq!(fixture.find("one").await, Err(AuthError::KeysUnavailable));
    tokio::time::advance(FIRST_LOAD_INTERVAL).await;
    assert_eq!(fixture.find("one").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stale_set_is_used_while_it_is_refreshed_behind_the_caller() {
    let fixture = Fixture::new([Some(one()), Some(two())]);
    assert_eq!(fixture.find("one").await, Ok(()));
    tokio::time::advance(STALE_AFTER.saturating_sub(Duration::from_secs(1))).await;
    assert_eq!(fixture.find("one").await, Ok(()));
    settle().await;
    assert_eq!(fixture.issuing.fetches(), 1);

    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(fixture.find("one").await, Ok(()));
    settle().await;
    assert_eq!((fixture.issuing.fetches(), fixture.epoch()), (2, 1));
    assert_eq!(fixture.find("one").await, Err(AuthError::KeyUnknown));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_without_a_change_leaves_the_epoch() {
    let fixture = Fixture::new([Some(one())]);
    assert_eq!(fixture.find("one").await, Ok(()));
    tokio::time::advance(STALE_AFTER).await;
    assert_eq!(fixture.find("one").await, Ok(()));
    settle().await;
    assert_eq!((fixture.issuing.fetches(), fixture.epoch()), (2, 0));
}

#[test]
fn an_operator_is_told_which_setting_allows_the_host() {
    let port = EgressError::PortRefused { port: 8443, allowed: "443".to_owned() };
    assert!(advice(&port.into()).contains("ports in [egress]"));
    assert!(advice(&EgressError::NameRefused.into()).contains("allow_names in [egress]"));
}
