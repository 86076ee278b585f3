//! Bringing a session back to idle after its statement failed or was given up.

use std::time::Duration;

use postgres_protocol::message::frontend;
use tokio::time::{Instant, timeout};

use super::{Backend, Phase};
use crate::{
    TenantError,
    postgres::wire::message::{self, Transaction},
};

/// Time for bringing a session back to idle.
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);

impl Backend {
    /// Ends whatever is under way, if that takes no longer than [`RECOVERY`]; the session is broken otherwise.
    pub(crate) async fn recover(&mut self) {
        let recovered = timeout(RECOVERY, self.try_recover()).await;
        if !matches!(recovered, Ok(Ok(()))) {
            self.phase = Phase::Broken;
        }
    }

    async fn try_recover(&mut self) -> Result<(), TenantError> {
        if self.phase == Phase::Running {
            self.canceller.cancel().await?;
            if self.pooled {
                // A pooler may pass the request on late, and it would then hit another statement.
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

    /// Skips the rest of the answers, and rolls back a transaction that is still open.
    pub(crate) async fn settle(&mut self, until: Instant) -> Result<(), TenantError> {
        if self.skip_to_ready(until).await? == Transaction::Open {
            self.roll_back(until).await?;
        }
        self.dirty |= self.wire.setting_changed;
        self.phase = Phase::Idle;
        Ok(())
    }

    async fn roll_back(&mut self, until: Instant) -> Result<(), TenantError> {
        frontend::query("ROLLBACK", &mut self.wire.output).map_err(|_| TenantError::Closed)?;
        self.wire.flush(until).await?;
        match self.skip_to_ready(until).await? {
            Transaction::None => Ok(()),
            Transaction::Open => Err(TenantError::Protocol("a transaction that does not end")),
        }
    }

    async fn skip_to_ready(&mut self, until: Instant) -> Result<Transaction, TenantError> {
        while self.wire.next(until).await? != b'Z' {}
        self.owed.clear();
        message::transaction(self.wire.body())
    }

    /// Brings the session into the state that an error leaves it in, and returns the error. After an error that the
    /// server reported it is idle again. After a deadline the statement still runs: the session is to be recovered or
    /// dropped.
    pub(crate) async fn fail(&mut self, error: TenantError) -> TenantError {
        match error {
            TenantError::Sql(_) => {
                if self.settle(Instant::now() + RECOVERY).await.is_err() {
                    self.phase = Phase::Broken;
                }
                error
            }
            // Nothing was sent, or the statement still runs.
            TenantError::InvalidStatement(_) | TenantError::Timeout | TenantError::ResultTooLarge => error,
            _ => self.break_off(error),
        }
    }

    /// Gives the connection up because of this error, and returns the error.
    pub(crate) fn break_off(&mut self, error: TenantError) -> TenantError {
        self.phase = Phase::Broken;
        error
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        match self.phase {
            Phase::Running => self.canceller.cancel_in_background(),
            Phase::Idle => self.wire.part(),
            Phase::Ending | Phase::Broken => {}
        }
    }
}
