//! Why a job ended before its time.

use postern_crypto_client::RewrapFailed;
use postern_store::StoreError;

/// Why a job ended before its time. What it has done until then stays done.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// crypto-service failed.
    #[error(transparent)]
    Crypto(#[from] RewrapFailed),
    /// The control database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
