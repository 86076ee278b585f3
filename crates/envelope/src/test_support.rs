//! Deterministic entropy, time and contexts for tests, here and, with the feature `test-support`, in other crates.

use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use postern_domain::{Clock, EndpointDigest, OwnerId, SecretId, TenantKind};
use uuid::Uuid;

use crate::{Entropy, EntropyError, SealContext};

/// Yields 1, 2, 3, …: the same in every run, and never the same salt or key twice.
#[derive(Default)]
pub struct CountingEntropy(AtomicU8);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        Ok(())
    }
}

/// Yields the same bytes each time, which must be as many as are asked for.
pub struct FixedEntropy<'a>(pub &'a [u8]);

impl Entropy for FixedEntropy<'_> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.copy_from_slice(self.0);
        Ok(())
    }
}

/// Always fails.
pub struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// 2026-01-01T00:00:00Z, in seconds.
pub const NEW_YEAR: u64 = 1_767_225_600;

/// A clock that stands still at [`NEW_YEAR`].
pub struct NewYear;

impl Clock for NewYear {
    fn now(&self) -> Duration {
        Duration::from_secs(NEW_YEAR)
    }
}

/// A context of one owner, secret and endpoint.
pub fn context() -> SealContext {
    SealContext {
        owner: OwnerId(Uuid::from_bytes([0x11; 16])),
        secret: SecretId(Uuid::from_bytes([0x22; 16])),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([0x33; 32]),
    }
}

#[cfg(test)]
pub(crate) fn ring() -> crate::KeyRing {
    crate::KeyRing::generate(&CountingEntropy::default(), &NewYear).unwrap()
}

#[cfg(test)]
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
