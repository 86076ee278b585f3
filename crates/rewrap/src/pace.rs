//! How fast the job may go.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Seals in one call of crypto-service, at most.
const BATCH: u32 = 100;

/// Keeps a number of rows a second, from when it was made.
pub(crate) struct Pace {
    rate: Option<NonZeroU32>,
    start: Instant,
    rows: u32,
}

impl Pace {
    /// `None`: as fast as it goes.
    pub(crate) fn new(rate: Option<NonZeroU32>) -> Self {
        Self { rate, start: Instant::now(), rows: 0 }
    }

    /// Rows to take at once: never more than a second's.
    pub(crate) fn batch(&self) -> u32 {
        self.rate.map_or(BATCH, |rate| rate.get().min(BATCH))
    }

    /// Waits until as many rows more may have been done.
    pub(crate) async fn spend(&mut self, rows: usize) {
        let Some(rate) = self.rate else { return };
        self.rows += u32::try_from(rows).unwrap_or(BATCH);
        sleep_until(self.start + Duration::from_secs(1) * self.rows / rate.get()).await;
        // From here, not from the start: time lost is not made up for in a burst.
        (self.start, self.rows) = (Instant::now(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rows_take_the_time_that_the_rate_gives_them() {
        let start = Instant::now();
        let mut pace = Pace::new(NonZeroU32::new(20));
        assert_eq!(pace.batch(), 20);
        for _ in 0..5 {
            pace.spend(20).await;
        }
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn time_lost_is_not_made_up_for() {
        let mut pace = Pace::new(NonZeroU32::new(10));
        tokio::time::sleep(Duration::from_mins(1)).await;
        pace.spend(10).await;
        let start = Instant::now();
        pace.spend(10).await;
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let start = Instant::now();
        let mut pace = Pace::new(None);
        pace.spend(1_000_000).await;
        assert_eq!((start.elapsed(), pace.batch()), (Duration::ZERO, 100));
    }
}
