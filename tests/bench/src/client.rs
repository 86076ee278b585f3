//! The closed-loop client: each caller sends its next request when the answer to the last one has come.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::{task::JoinSet, time::Instant};

/// One of several that call at the same time.
pub(crate) trait Caller: Send + 'static {
    /// Sends one request, waits for the whole answer, and checks that it is the one that was to come.
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What was seen in one window.
pub(crate) struct Sample {
    /// From the first request to the last answer.
    elapsed: Duration,
    /// Of all answers, in no order. Not empty.
    latencies: Vec<Duration>,
}

impl Sample {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 answers")]
        let answers = self.latencies.len() as f64;
        answers / self.elapsed.as_secs_f64()
    }

    /// The median latency, in microseconds.
    pub(crate) fn p50_micros(&self) -> f64 {
        let mut latencies = self.latencies.clone();
        let middle = latencies.len() / 2;
        let (_, median, _) = latencies.select_nth_unstable(middle);
        median.as_secs_f64() * 1e6
    }
}

/// Lets the callers call for `window`, and hands them back. The first error ends it.
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
    let mut asked = Instant::now();
    loop {
        caller.call().await?;
        let answered = Instant::now();
        latencies.push(answered - asked);
        if answered >= until {
            return Ok((caller, latencies));
        }
        asked = answered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a millisecond, and fails after so many answers.
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
