//! The closed-loop client: each caller sends its next request when the response to the previous one has arrived.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::{task::JoinSet, time::Instant};

/// One of several concurrent callers.
pub(crate) trait Caller: Send + 'static {
    /// Sends one request, waits for the complete response, and checks it.
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// How much of the last call's time counts as its latency: all of it, unless only a part is in question.
    fn counted(&self, whole: Duration) -> Duration {
        whole
    }
}

/// The measurements of one window.
pub(crate) struct Sample {
    /// Time from the first request to the last response.
    elapsed: Duration,
    /// The latencies of all responses, unordered and not empty.
    latencies: Vec<Duration>,
}

impl Sample {
    /// Responses per second.
    pub(crate) fn rate(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 responses")]
        let responses = self.latencies.len() as f64;
        responses / self.elapsed.as_secs_f64()
    }

    /// The median latency, in milliseconds.
    pub(crate) fn p50_millis(&self) -> f64 {
        self.p50_micros() / 1e3
    }

    /// The median latency, in microseconds.
    pub(crate) fn p50_micros(&self) -> f64 {
        self.percentile(50).as_secs_f64() * 1e6
    }

    /// The latency that one response in a hundred exceeds, in milliseconds.
    pub(crate) fn p99_millis(&self) -> f64 {
        self.percentile(99).as_secs_f64() * 1e3
    }

    fn percentile(&self, percent: usize) -> Duration {
        let mut latencies = self.latencies.clone();
        let index = latencies.len() * percent / 100;
        *latencies.select_nth_unstable(index).1
    }
}

/// Runs the callers for `window` and returns them. Stops at the first error.
pub(crate) async fn run<C: Caller>(callers: Vec<C>, window: Duration) -> Result<(Vec<C>, Sample)> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    let count = callers.len();
    for caller in callers {
        tasks.spawn(keep_calling(caller, started + window));
    }
    let mut callers = Vec::with_capacity(count);
    let mut latencies = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (caller, seen) = ended.context("a caller panicked")??;
        callers.push(caller);
        latencies.extend(seen);
    }
    Ok((callers, Sample { elapsed: started.elapsed(), latencies }))
}

async fn keep_calling<C: Caller>(mut caller: C, until: Instant) -> Result<(C, Vec<Duration>)> {
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut sent = Instant::now();
    loop {
        caller.call().await?;
        let received = Instant::now();
        latencies.push(caller.counted(received - sent));
        if received >= until {
            return Ok((caller, latencies));
        }
        sent = received;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Responds after a millisecond, and fails after a number of responses.
    struct Sleeper(usize);

    impl Caller for Sleeper {
        async fn call(&mut self) -> Result<()> {
            self.0 = self.0.checked_sub(1).context("no more")?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_call_one_after_the_other_and_side_by_side() {
        let (callers, sample) =
            run(vec![Sleeper(9000), Sleeper(9000)], Duration::from_secs(1)).await.unwrap();
        assert_eq!(callers.len(), 2);
        assert!((1900.0..2100.0).contains(&sample.rate()), "{}", sample.rate());
        assert!((900.0..2100.0).contains(&sample.p50_micros()), "{}", sample.p50_micros());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_ends_the_window() {
        let error = run(vec![Sleeper(3)], Duration::from_secs(1)).await.err().unwrap();
        assert_eq!(error.to_string(), "no more");
    }
}
