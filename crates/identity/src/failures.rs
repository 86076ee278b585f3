//! A bound on tokens with wrong signatures, by the address that they come from.
//!
//! Verifying a signature costs tens of microseconds, and anyone can send tokens that need it. An address that has sent
//! too many wrong ones has no further token verified for a while. Tokens that were verified a moment ago still pass, so
//! that users behind the same address keep working.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Wrong signatures that an address may send at once.
const BURST: u32 = 30;

/// Time after which it may send one more.
const REFILL: Duration = Duration::from_secs(1);

/// Most addresses that are remembered, at about 40 bytes each.
const CAPACITY: usize = 65_536;

/// Counts failures by address.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Bucket>>);

/// A bucket is full again at `full_at`; each failure moves that by [`REFILL`].
struct Bucket {
    full_at: Instant,
}

impl Failures {
    /// Whether a token from this address may be verified.
    pub(crate) fn may_try(&self, from: IpAddr) -> bool {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(&prefix(from)).is_none_or(|bucket| bucket.missing(Instant::now()) < BURST * REFILL)
    }

    /// Counts a wrong signature.
    pub(crate) fn count(&self, from: IpAddr) {
        let now = Instant::now();
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY {
            buckets.retain(|_, bucket| bucket.full_at > now);
        }
        if buckets.len() >= CAPACITY {
            // Somebody has this many networks: no bound by address holds them.
            buckets.clear();
        }
        let bucket = buckets.entry(prefix(from)).or_insert(Bucket { full_at: now });
        bucket.full_at = bucket.full_at.max(now) + REFILL;
    }
}

impl Bucket {
    /// How much of it is used up, as time until it is full again.
    fn missing(&self, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now)
    }
}

/// An IPv4 address, or the /64 of an IPv6 address: that is the smallest network that one customer gets.
fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_gets_one_try_a_second_once_it_has_used_its_burst_up() {
        let failures = Failures::default();
        for _ in 0..BURST {
            assert!(failures.may_try(ip("192.0.2.1")));
            failures.count(ip("192.0.2.1"));
        }
        assert!(!failures.may_try(ip("192.0.2.1")));
        assert!(!failures.may_try(ip("::ffff:192.0.2.1")), "the same address in another form");
        assert!(failures.may_try(ip("192.0.2.2")));
        tokio::time::advance(REFILL).await;
        assert!(failures.may_try(ip("192.0.2.1")));
        failures.count(ip("192.0.2.1"));
        assert!(!failures.may_try(ip("192.0.2.1")));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_share_a_bound() {
        let failures = Failures::default();
        for host in 0..BURST {
            failures.count(ip(&format!("2001:db8::{host:x}")));
        }
        assert!(!failures.may_try(ip("2001:db8::ffff:1")));
        assert!(failures.may_try(ip("2001:db8:0:1::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let failures = Failures::default();
        for number in 0..100_000_u32 {
            failures.count(IpAddr::V4(number.into()));
        }
        assert!(failures.0.lock().unwrap().len() <= CAPACITY);
    }
}
