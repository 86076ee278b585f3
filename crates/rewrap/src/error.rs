//! Why a job ended before its time.

use postern_store::StoreError;
use tonic::Status;

/// Why a job ended before its time. What it has done until then stays done.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// crypto-service was not reached for half a minute.
    #[error("crypto-service does not answer: {}", .0.message())]
    Unavailable(Box<Status>),
    /// crypto-service does not let this caller rewrap, or does not know the call.
    #[error("crypto-service refuses: {}", .0.message())]
    Refused(Box<Status>),
    /// crypto-service answered something else than was asked.
    #[error("crypto-service's answer does not fit the request; run one release of both")]
    Answer,
    /// The control database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
