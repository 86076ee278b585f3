use super::*;
use crate::SubjectMapping;

const NOW: Duration = Duration::from_secs(1000);

fn cache() -> TokenCache {
    TokenCache::new(Arc::new(AtomicU64::new(0)))
}

fn principal(expires_at: u64) -> Principal {
    Principal::new(
        &"iss".into(),
        SubjectMapping::Derived,
        "user",
        Some("token-1".into()),
        Duration::from_secs(expires_at),
    )
    .unwrap()
}

fn hit(cache: &TokenCache, token: &str, at: Duration) -> bool {
    cache.get(&TokenCache::digest(token), at).is_some()
}

#[test]
fn an_entry_ends_with_its_token_and_after_a_minute_at_the_latest() {
    let cache = cache();
    cache.insert(TokenCache::digest("short"), &principal(1010), NOW, 0);
    cache.insert(TokenCache::digest("long"), &principal(9999), NOW, 0);
    assert!(hit(&cache, "short", Duration::from_millis(1_009_999)));
    assert!(!hit(&cache, "short", Duration::from_secs(1010)));
    assert!(hit(&cache, "long", Duration::from_millis(1_059_999)));
    assert!(!hit(&cache, "long", Duration::from_secs(1060)));
    assert!(!hit(&cache, "other", NOW));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_gives_no_entry_more_time() {
    let cache = cache();
    cache.insert(TokenCache::digest("short"), &principal(1010), NOW, 0);
    cache.insert(TokenCache::digest("long"), &principal(9999), NOW, 0);
    let an_hour_ago = NOW.saturating_sub(Duration::from_hours(1));
    tokio::time::advance(Duration::from_secs(9)).await;
    assert!(hit(&cache, "short", an_hour_ago));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!hit(&cache, "short", an_hour_ago));
    tokio::time::advance(Duration::from_secs(49)).await;
    assert!(hit(&cache, "long", an_hour_ago));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!hit(&cache, "long", an_hour_ago));
}

#[test]
fn an_entry_of_an_epoch_that_is_over_is_dead_however_late_it_comes() {
    let cache = cache();
    cache.insert(TokenCache::digest("before"), &principal(9999), NOW, cache.epoch());
    let read_before_the_change = cache.epoch();
    cache.epoch.fetch_add(1, Ordering::AcqRel);
    cache.insert(TokenCache::digest("late"), &principal(9999), NOW, read_before_the_change);
    cache.insert(TokenCache::digest("after"), &principal(9999), NOW, cache.epoch());
    assert!(!hit(&cache, "before", NOW) && !hit(&cache, "late", NOW));
    assert!(hit(&cache, "after", NOW));
}

#[test]
fn the_number_of_entries_is_bounded_and_the_latest_stay() {
    let cache = cache();
    for i in 0..3 * CAPACITY {
        cache.insert(TokenCache::digest(&i.to_string()), &principal(9999), NOW, 0);
    }
    let held: usize = cache
        .shards
        .iter()
        .map(|shard| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        })
        .sum();
    assert!(held <= CAPACITY, "{held}");
    assert!(held > CAPACITY / 3, "{held}");
    let latest = (3 * CAPACITY - 1000..3 * CAPACITY).filter(|i| hit(&cache, &i.to_string(), NOW)).count();
    assert_eq!(latest, 1000);
}
