//! What the tests of several modules share.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use postern_domain::{Clock, EndpointDigest, OwnerId, SecretId, TenantKind};
use uuid::Uuid;

use crate::{Entropy, EntropyError, KeyRing, SealContext};

/// Gives 1, 2, 3, …: the same in every run, and never the same salt or key twice.
#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU8);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        Ok(())
    }
}

/// Gives the same bytes each time.
pub(crate) struct FixedEntropy<'a>(pub(crate) &'a [u8]);

impl Entropy for FixedEntropy<'_> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.copy_from_slice(self.0);
        Ok(())
    }
}

/// Gives nothing.
pub(crate) struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// 2026-01-01T00:00:00Z, in seconds.
pub(crate) const NEW_YEAR: u64 = 1_767_225_600;

/// Stands still at [`NEW_YEAR`].
pub(crate) struct NewYear;

impl Clock for NewYear {
    fn now(&self) -> Duration {
        Duration::from_secs(NEW_YEAR)
    }
}

pub(crate) fn context() -> SealContext {
    SealContext {
        owner: OwnerId(Uuid::from_bytes([0x11; 16])),
        secret: SecretId(Uuid::from_bytes([0x22; 16])),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([0x33; 32]),
    }
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::generate(&CountingEntropy::default(), &NewYear).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
