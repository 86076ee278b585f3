//! How long a user's call waits for crypto-service.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Response, Status};

/// Sealing and opening take a fraction of a millisecond. A call that takes this long is not answered any more: the
/// process is stopped, or packets get lost. Meanwhile the channel finds that out, too, and connects anew.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Ends a call that is not answered in time. What was sealed then is stored nowhere.
pub(crate) async fn in_time<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<Response<T>, Status> {
    let silent = || Err(Status::deadline_exceeded(format!("no answer within {} s", PATIENCE.as_secs())));
    timeout(PATIENCE, call).await.unwrap_or_else(|_| silent())
}

#[cfg(test)]
mod tests {
    use postern_rpc::Reason;
    use tokio::time::Instant;

    use super::*;
    use crate::failure::{Purpose, problem};

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_fails_after_two_seconds_as_unavailable() {
        let start = Instant::now();
        let status = in_time::<()>(std::future::pending()).await.unwrap_err();
        assert_eq!(start.elapsed(), PATIENCE);
        for purpose in [Purpose::Seal, Purpose::Open] {
            assert_eq!(problem(&status, purpose).reason(), Reason::DependencyUnavailable);
        }
    }
}
