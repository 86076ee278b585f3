//! From a caller and a name to a connection to the caller's own database.

use std::{sync::Arc, time::Duration};

use postern_chassis::SignedIn;
use postern_domain::ConnectionName;
use postern_egress::Dialer;
use postern_rpc::{Problem, Reason};
use postern_store::{ProxyStore, Resolved};
use postern_tenant::{PoolKey, Pooled, Pools, TenantError, connect};
use tokio::time::{Instant, timeout};

use crate::opener::Opener;

/// Time that the control database has for its one round trip.
const RESOLVE: Duration = Duration::from_secs(5);

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
    ) -> Result<Pooled, TenantError> {
        let saved = &resolved.connection;
        let key = PoolKey { owner: caller.principal.owner(), connection: saved.id, version: saved.version };
        let open = async || {
            let secret = self
                .opener
                .open(caller, resolved)
                .await
                .map_err(|error| TenantError::Open(Arc::new(error)))?;
            connect(&self.dialer, &saved.endpoint, &secret, deadline).await
        };
        self.pools.acquire(key, deadline, open).await
    }
}

fn unreadable(cause: &str) -> Problem {
    Problem::new(Reason::DependencyUnavailable, "Saved connections cannot be read at the moment.")
        .hint("Try again in a minute.")
        .because(cause)
}
