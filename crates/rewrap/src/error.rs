//! Errors that end a job early.

use postern_crypto_client::RewrapFailed;
use postern_store::StoreError;

/// Why a job ended early. Seals that it has replaced by then stay replaced.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// crypto-service failed.
    #[error(transparent)]
    Crypto(#[from] RewrapFailed),
    /// The control database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
