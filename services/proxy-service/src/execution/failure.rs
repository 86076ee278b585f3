//! Why a call gave no result, or no whole one.

use std::sync::Arc;

use postern_domain::{ConnectionName, TenantKind};
use postern_rpc::Problem;
use postern_tenant::{AcquireError, Busy, OpenError, TenantError, supabase::SupabaseError};

use super::admission::Refusal;

/// Why a call gave no result, or only part of one. Each door translates it for its users.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Too many calls are in progress.
    NotAdmitted(Refusal),
    /// The owner has no connection of this name.
    NotFound(ConnectionName),
    /// The connection is of another kind than the call is for.
    OtherKind(TenantKind),
    /// The connection was changed while it was being used, more than once.
    Superseded,
    /// An operator has withdrawn the caller's access.
    AccessWithdrawn,
    /// An operator has withdrawn the connection, or the host where it leads.
    ConnectionWithdrawn,
    /// The connection was deleted while the call ran.
    Deleted,
    /// The connection was changed while the call ran.
    Changed,
    /// The control database did not answer, or not with what it should; the text is for the log.
    Lookup(Arc<str>),
    /// So many look their connections up that the turn of this call did not come.
    LookupBusy,
    /// A row without the secret that its kind needs.
    NoSecret,
    /// The secret could not be opened.
    Seal(Problem),
    /// Every tenant session that the call could have had was in use until its deadline.
    Busy(Busy),
    /// The tenant's database.
    Tenant(TenantError),
    /// The tenant's Supabase project.
    Project(SupabaseError),
    /// The call's own deadline passed.
    Timeout,
    /// This replica stops, and the call took longer than the drain.
    Stopping,
    /// A defect in Postern; the text is for the log.
    Defect(Arc<str>),
}

/// Why a tenant session could not be opened.
#[derive(Clone, Debug)]
pub(crate) struct OpenFailure(pub Failure);

impl OpenError for OpenFailure {
    /// A wrong password is everybody's who waits for the same session; a refused token is the caller's own.
    fn is_shared(&self) -> bool {
        match &self.0 {
            Failure::Tenant(error) => error.is_shared(),
            Failure::Project(error) => error.is_shared(),
            _ => false,
        }
    }
}

impl From<TenantError> for OpenFailure {
    fn from(error: TenantError) -> Self {
        Self(error.into())
    }
}

impl From<TenantError> for Failure {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Timeout => Self::Timeout,
            other => Self::Tenant(other),
        }
    }
}

impl From<AcquireError<OpenFailure>> for Failure {
    fn from(error: AcquireError<OpenFailure>) -> Self {
        match error {
            AcquireError::Open(OpenFailure(failure)) => failure,
            AcquireError::Timeout => Self::Timeout,
            AcquireError::Busy(busy) => Self::Busy(busy),
            AcquireError::Superseded => Self::Superseded,
        }
    }
}
