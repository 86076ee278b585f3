//! What becomes of a session whose statement failed or was given up.

use std::time::Duration;

use postgres_protocol::message::frontend;
use tokio::time::Instant;

use super::connection::{Phase, PostgresSession};
use crate::{
    TenantError,
    postgres::wire::message::{self, Transaction},
};

/// Time for bringing a session back to rest.
pub(super) const RECOVERY: Duration = Duration::from_secs(2);

impl PostgresSession {
    pub(super) async fn try_recover(&mut self) -> Result<(), TenantError> {
        if self.phase == Phase::Running {
            self.canceller.cancel().await?;
            if self.by_transaction {
                // A pooler may pass the request on late, and hit another statement then.
                return Err(TenantError::Closed);
            }
        }
        let until = Instant::now() + RECOVERY;
        match self.phase {
            Phase::Idle => Ok(()),
            Phase::Broken => Err(TenantError::Closed),
            Phase::Running | Phase::Ending => {
                self.wire.flush(until).await?;
                self.settle(until).await
            }
        }
    }

    /// Reads up to the end of the statement, whatever is left of it, and ends a transaction that it left open.
    pub(super) async fn settle(&mut self, until: Instant) -> Result<(), TenantError> {
        if self.skip_to_ready(until).await? == Transaction::Open {
            frontend::query("ROLLBACK", &mut self.wire.output).map_err(|_| TenantError::Closed)?;
            self.wire.flush(until).await?;
            if self.skip_to_ready(until).await? == Transaction::Open {
                return Err(TenantError::Protocol("a transaction that does not end"));
            }
        }
        self.dirty |= self.wire.setting_changed;
        self.phase = Phase::Idle;
        Ok(())
    }

    async fn skip_to_ready(&mut self, until: Instant) -> Result<Transaction, TenantError> {
        while self.wire.next(until).await? != b'Z' {}
        message::transaction(self.wire.body())
    }

    /// Brings the session into the state that an error leaves it in. After the server's own complaint it is usable
    /// again; after a passed deadline the statement still runs, and whoever holds the session recovers or drops it.
    pub(super) async fn give_up(&mut self, error: TenantError) -> TenantError {
        match error {
            TenantError::Sql(_) => {
                if self.settle(Instant::now() + RECOVERY).await.is_err() {
                    self.phase = Phase::Broken;
                }
                error
            }
            // Nothing was sent, or the statement still runs.
            TenantError::InvalidStatement(_) | TenantError::Timeout | TenantError::ResultTooLarge => error,
            _ => self.broken(error),
        }
    }

    pub(super) fn broken(&mut self, error: TenantError) -> TenantError {
        self.phase = Phase::Broken;
        error
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        match self.phase {
            Phase::Running => self.canceller.cancel_in_background(),
            Phase::Idle => self.wire.part(),
            Phase::Ending | Phase::Broken => {}
        }
    }
}
