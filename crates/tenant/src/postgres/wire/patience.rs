//! How long we wait for the rest of a message that has begun. Between messages there is no such limit: a statement may
//! take its time.

use std::time::Duration;

/// What is left of the time for a message. Only our own waiting counts, not the time for which a slow caller leaves the
/// server waiting.
#[derive(Default)]
pub(super) struct Patience {
    waited: Duration,
    bytes: usize,
}

impl Patience {
    /// Time for a message, or for [`Self::BYTES`] of a longer one: 6.4 KiB/s, slower than any usable network.
    const TIME: Duration = Duration::from_secs(10);
    const BYTES: usize = 64 * 1024;

    /// How much longer we wait.
    pub(super) fn left(&self) -> Duration {
        Self::TIME.saturating_sub(self.waited)
    }

    /// Notes that we waited for bytes.
    pub(super) fn note_wait(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// Notes that bytes have come.
    pub(super) fn note_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= Self::BYTES {
            *self = Self::default();
        }
    }
}
