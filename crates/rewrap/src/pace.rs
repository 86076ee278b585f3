//! Limits the rate of the job.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Maximum number of seals in one call of crypto-service.
const BATCH: u32 = 100;

/// Limits the number of rows per second.
pub(crate) struct Pace {
    rate: Option<NonZeroU32>,
    start: Instant,
    rows: u32,
}

impl Pace {
    /// `None` for no limit.
    pub(crate) fn new(rate: Option<NonZeroU32>) -> Self {
        Self { rate, start: Instant::now(), rows: 0 }
    }

    /// Number of rows to process at once, at most the rows of one second.
    pub(crate) fn batch(&self) -> u32 {
        self.rate.map_or(BATCH, |rate| rate.get().min(BATCH))
    }

    /// Waits until the rate allows this many more rows.
    pub(crate) async fn spend(&mut self, rows: usize) {
        let Some(rate) = self.rate else { return };
        self.rows += u32::try_from(rows).unwrap_or(BATCH);
        sleep_until(self.start + Duration::from_secs(1) * self.rows / rate.get()).await;
        // Measured from here and not from the start, so that lost time is not made up for in a burst.
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
