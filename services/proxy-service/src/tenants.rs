//! From a caller and a name to a connection to the caller's own database.

use std::time::Duration;

use postern_chassis::SignedIn;
use postern_domain::ConnectionName;
use postern_egress::Dialer;
use postern_rpc::{Problem, Reason};
use postern_store::{ProxyStore, Resolved};
use postern_tenant::{AcquireError, OpenError, PoolKey, Pooled, PostgresSession, TenantError, connect};
use tokio::time::{Instant, timeout};

use crate::opener::Opener;

/// Time that the control database has for its one round trip.
const RESOLVE: Duration = Duration::from_secs(5);

/// The pools of tenants' sessions.
pub(crate) type Pools = postern_tenant::Pools<PostgresSession, Unopened>;

/// Why a session could not be opened.
#[derive(Clone, Debug)]
pub(crate) enum Unopened {
    /// Before the tenant was reached.
    Ours(Problem),
    /// At the tenant.
    Tenant(TenantError),
}

impl OpenError for Unopened {
    fn is_shared(&self) -> bool {
        match self {
            Self::Ours(_) => false,
            Self::Tenant(error) => error.is_shared(),
        }
    }
}

/// Everything that a reach into a tenant's database goes through.
pub(crate) struct Tenants {
    pub store: ProxyStore,
    pub opener: Opener,
    pub dialer: Dialer,
    pub pools: Pools,
}

impl Tenants {
    /// The caller's connection of this name, as it is stored now.
    pub(crate) async fn resolve(
        &self,
        caller: &SignedIn,
        name: &ConnectionName,
    ) -> Result<Resolved, Problem> {
        let resolving = timeout(RESOLVE, self.store.resolve(caller.principal.owner(), name)).await;
        let resolved = match resolving {
            Ok(Ok(resolved)) => resolved,
            Ok(Err(error)) => return Err(unreadable(&error.to_string())),
            Err(_) => return Err(unreadable("the control database does not answer")),
        };
        resolved.ok_or_else(|| {
            Problem::new(Reason::ConnectionNotFound, format!("You have no connection named '{name}'."))
                .hint("Save it first, or check its name.")
        })
    }

    /// A signed-in connection to the tenant: from the pool of exactly this version, or a new one.
    pub(crate) async fn reach(
        &self,
        caller: &SignedIn,
        resolved: &Resolved,
        deadline: Instant,
    ) -> Result<Pooled<PostgresSession>, AcquireError<Unopened>> {
        let saved = &resolved.connection;
        let key = PoolKey { owner: caller.principal.owner(), connection: saved.id, version: saved.version };
        let open = async || {
            let secret = self.opener.open(caller, resolved).await.map_err(Unopened::Ours)?;
            connect(&self.dialer, &saved.endpoint, &secret, deadline).await.map_err(Unopened::Tenant)
        };
        self.pools.acquire(key, deadline, open).await
    }
}

fn unreadable(cause: &str) -> Problem {
    tracing::error!(cause, "a connection cannot be resolved");
    Problem::new(Reason::DependencyUnavailable, "Saved connections cannot be read at the moment.")
        .hint("Try again in a minute.")
}
