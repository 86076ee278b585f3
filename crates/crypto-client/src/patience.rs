//! How long a user's call waits for crypto-service, and how often it is tried.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Code, Response, Status};

use crate::failure::answered;

/// Sealing and opening take a fraction of a millisecond. A call that takes this long is not answered any more: the
/// process is stopped, or packets get lost. Meanwhile the channel finds that out, too, and connects anew.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Time for one attempt, so that there is some left for another replica.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Attempts of one call. Each goes to another replica, as far as there are others.
const ATTEMPTS: u32 = 3;

/// Makes a call until crypto-service answers it, a few times at most, and ends it when that takes too long. Sealing and
/// opening change nothing, so it does not matter whether an attempt that failed was carried out. What was sealed then
/// is stored nowhere.
pub(crate) async fn in_time<T, F>(call: impl Fn() -> F) -> Result<Response<T>, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let attempts = async {
        for _ in 1..ATTEMPTS {
            match within(ATTEMPT, call()).await {
                Err(status) if another_may_answer(&status) => {
                    tracing::debug!(code = ?status.code(), "a call of crypto-service is tried again");
                }
                answer => return answer,
            }
        }
        within(ATTEMPT, call()).await
    };
    within(PATIENCE, attempts).await
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<Response<T>, Status> {
    let silent = || Err(Status::deadline_exceeded(format!("no answer within {} s", limit.as_secs())));
    timeout(limit, call).await.unwrap_or_else(|_| silent())
}

/// Whether the call did not reach crypto-service, or reached a replica that cannot do it at the moment.
fn another_may_answer(status: &Status) -> bool {
    status.code() == Code::Unavailable || answered(status).is_none()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use postern_rpc::{Problem, Reason};
    use tokio::time::Instant;

    use super::*;
    use crate::failure::{Purpose, problem};

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_fails_after_two_seconds_as_unavailable() {
        let start = Instant::now();
        let status = in_time::<(), _>(std::future::pending).await.unwrap_err();
        assert_eq!(start.elapsed(), PATIENCE);
        for purpose in [Purpose::Seal, Purpose::Open] {
            assert_eq!(problem(&status, purpose).reason(), Reason::DependencyUnavailable);
        }
    }

    /// Attempts until a call that fails like this is over, if its third attempt would succeed.
    async fn attempts(failure: impl Fn() -> Status) -> u32 {
        let made = Cell::new(0);
        let call = || {
            made.set(made.get() + 1);
            let answer = if made.get() < 3 { Err(failure()) } else { Ok(Response::new(())) };
            async { answer }
        };
        let answer = in_time(call).await;
        assert_eq!(answer.is_ok(), made.get() == 3);
        made.get()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_another_replica_may_answer_is_tried_again() {
        for code in [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::Internal] {
            assert_eq!(attempts(|| Status::new(code, "transport error")).await, 3, "{code:?}");
        }
        assert_eq!(attempts(|| Problem::new(Reason::DependencyUnavailable, "x").into()).await, 3);
        for reason in
            [Reason::SealBroken, Reason::Unauthenticated, Reason::CallerNotAllowed, Reason::Internal]
        {
            assert_eq!(attempts(|| Problem::new(reason, "x").into()).await, 1, "{reason:?}");
        }
    }
}
