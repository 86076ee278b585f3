//! Addresses of Postern itself, which a tenant's host must not lead to.

use std::{
    collections::HashMap,
    fmt, io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long an address is remembered after it was last seen. A name with many servers is answered with some of them at
/// a time, and after a failover the old server may come back.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Addresses of the control database and of other services, as they were seen last. Clones share them.
///
/// The port does not count: a database server's other ports lead to it too, such as that of a pooler beside it.
#[derive(Clone, Default)]
pub struct OwnAddresses(Arc<Mutex<HashMap<IpAddr, Instant>>>);

impl OwnAddresses {
    /// Notes addresses that were seen now.
    pub fn saw(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        known.extend(addresses.into_iter().map(|address| (address.to_canonical(), now)));
    }

    /// Whether it is one of them. The address must not be IPv4-mapped.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&address)
    }
}

/// Without the addresses, which are nobody's business.
impl fmt::Debug for OwnAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnAddresses").finish_non_exhaustive()
    }
}

/// The addresses of a host that an operator configured: with the search domains of the system, and not judged. Never
/// for a tenant's host.
#[expect(clippy::disallowed_methods, reason = "configured by the operator; a cluster's search domains apply")]
pub async fn addresses_of(host: &str) -> io::Result<Vec<IpAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|answer| answer.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_is_remembered_for_an_hour_after_it_was_last_seen() {
        let own = OwnAddresses::default();
        let [first, second] = ["8.8.8.8", "8.8.4.4"].map(|text| text.parse::<IpAddr>().unwrap());
        own.saw([first]);
        tokio::time::advance(REMEMBERED / 2).await;
        own.clone().saw([second]);
        assert!(own.contains(first) && own.contains(second), "another answer does not replace the first");
        tokio::time::advance(REMEMBERED / 2).await;
        own.saw([second]);
        assert!(!own.contains(first) && own.contains(second));
    }

    #[tokio::test]
    async fn a_host_is_found_by_name_and_by_address() {
        for host in ["127.0.0.1", "::1", "[::1]", "localhost"] {
            let found = addresses_of(host).await.unwrap();
            assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{host}: {found:?}");
        }
    }
}
