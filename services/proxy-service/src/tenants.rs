//! From a caller and a name to a connection to the caller's own database.

use std::{sync::Arc, time::Duration};

use postern_chassis::SignedIn;
use postern_crypto_client::Opener;
use postern_domain::{ConnectionName, Endpoint, Secret};
use postern_egress::Dialer;
use postern_rpc::{Problem, Reason};
use postern_store::{ProxyStore, SavedConnection};
use postern_tenant::{PoolKey, Pooled, Pools, TenantError, connect};
use tokio::time::{Instant, timeout};

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
    ) -> Result<SavedConnection, Problem> {
        let resolving = timeout(RESOLVE, self.store.look_up(caller.principal.owner(), name)).await;
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
        saved: &SavedConnection,
        deadline: Instant,
    ) -> Result<Pooled, TenantError> {
        let key = PoolKey { owner: caller.principal.owner(), connection: saved.id, version: saved.version };
        let open = async || {
            let Endpoint::Postgres(endpoint) = &saved.endpoint;
            let secret = self.secret(caller, saved).await?;
            connect(&self.dialer, endpoint, &secret, deadline).await
        };
        self.pools.acquire(key, deadline, open).await
    }

    /// The one secret of a connection.
    async fn secret(&self, caller: &SignedIn, saved: &SavedConnection) -> Result<Secret, TenantError> {
        let failed = |problem: Problem| TenantError::Open(Arc::new(problem));
        let seals = self.store.seals(caller.principal.owner(), saved.id, saved.version).await;
        let seals = seals.map_err(|error| failed(unreadable(&error.to_string())))?;
        let seals = seals.ok_or(TenantError::Superseded)?;
        let seal = seals.first().ok_or_else(|| failed(Problem::internal()))?;
        self.opener.open(caller, &saved.endpoint, &seal.secret).await.map_err(failed)
    }
}

fn unreadable(cause: &str) -> Problem {
    tracing::error!(cause, "a connection cannot be resolved");
    Problem::new(Reason::DependencyUnavailable, "Saved connections cannot be read at the moment.")
        .hint("Try again in a minute.")
}
