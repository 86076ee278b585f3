//! Bounds how often a log line is written that strangers can cause.
//!
//! Refused tokens, callers and peers are worth a line each, but strangers decide how many there are. A
//! [`BoundedLog`] lets one line through per interval and counts the others, so that the next line can say how many
//! were left out.
//!
//! ```
//! # use std::time::Duration;
//! # use postern_chassis::bounded_log::BoundedLog;
//! static REFUSED: BoundedLog = BoundedLog::new(Duration::from_secs(1));
//!
//! if let Some(suppressed) = REFUSED.admit() {
//!     tracing::info!(suppressed, "a peer was refused");
//! }
//! ```

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Lets one line through per interval. Can be a `static`.
pub struct BoundedLog {
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    last_line: Option<Instant>,
    /// Lines left out since the last one that was written.
    suppressed: u64,
}

impl BoundedLog {
    /// At most one line per `interval`.
    pub const fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new(State { last_line: None, suppressed: 0 }) }
    }

    /// Whether a line may be written now: `Some` with the number of lines suppressed since the last one, or `None`,
    /// which counts this line as suppressed.
    #[must_use = "a line that is admitted must be written, or the suppressed ones are never reported"]
    pub fn admit(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last_line.is_some_and(|last| now.duration_since(last) < self.interval) {
            state.suppressed += 1;
            return None;
        }
        state.last_line = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_per_interval_is_admitted_and_says_how_many_were_suppressed() {
        let log = BoundedLog::new(Duration::from_secs(1));
        assert_eq!(log.admit(), Some(0), "the first line is always written");
        assert_eq!(log.admit(), None);
        advance(Duration::from_millis(999)).await;
        assert_eq!(log.admit(), None);
        advance(Duration::from_millis(1)).await;
        assert_eq!(log.admit(), Some(2));
        assert_eq!(log.admit(), None, "the interval starts anew with each line");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_after_a_quiet_time_has_nothing_to_add() {
        let log = BoundedLog::new(Duration::from_secs(1));
        assert_eq!(log.admit(), Some(0));
        advance(Duration::from_hours(1)).await;
        assert_eq!(log.admit(), Some(0));
    }
}
