//! A connection in the hands of one call.

use std::{sync::Arc, time::Duration};

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{Kept, Shared};
use crate::StoreError;

/// A connection that a call uses. Dropped without being settled, it is closed: nobody knows what it is in the middle
/// of.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    kept: Option<Kept>,
}

impl Lease {
    pub(super) fn empty(shared: Arc<Shared>) -> Self {
        Self { shared, kept: None }
    }

    pub(super) fn fill(&mut self, kept: Kept) {
        self.kept = Some(kept);
    }

    /// The connection, outside of a transaction.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.kept.as_mut().expect("it is filled before it is handed out").connection
    }

    /// Ends the lease with what the call's statements came to, which [`within`] has bounded in time. The connection is
    /// kept unless the database failed.
    pub(crate) fn settle<T>(mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let kept = self.kept.take();
        match &outcome {
            Err(error) if error.is_outage() => self.shared.suspect(),
            // An error of the server in a single statement: a plan that a migration has outdated, for example.
            Err(error @ StoreError::Database(_)) if !error.is_wait_that_ended() => {}
            _ => {
                if let Some(kept) = kept {
                    self.shared.keep(kept);
                }
            }
        }
        outcome
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.kept = None;
        self.shared.permits.add_permits(1);
    }
}

/// Bounds the time of a call's statements.
pub(crate) async fn within<T>(
    time: Duration,
    statements: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(time, statements).await.unwrap_or(Err(StoreError::Silent))
}
