//! Keeps tenants' hosts from leading to the control database and to crypto-service.
//!
//! The services' own clients find these by names, whose addresses may change, so they are looked up again and again.
//! Only this service dials tenants' hosts, and it judges the address that a connection really has; nothing is decided
//! by a host's name.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result};
use postern_chassis::{Lifecycle, mtls};
use postern_egress::{OwnAddresses, own::addresses_of};
use postern_store::ProxyStore;
use tokio::time::sleep;

use crate::Backends;

/// Time between two lookups: for as long, the address of a server that has just taken over may be dialled.
const LOOK: Duration = Duration::from_secs(30);

/// Time between two attempts at start.
const RETRY: Duration = Duration::from_secs(1);

/// What is looked up.
pub(crate) struct OwnHosts {
    /// The host in the database's URL; `None` for a socket of this machine.
    database: Option<String>,
    crypto: Vec<String>,
    store: ProxyStore,
}

impl OwnHosts {
    pub(crate) fn new(backends: &Backends, store: &ProxyStore) -> Result<Self> {
        Ok(Self {
            database: postern_store::host(&backends.database.read_url()?)?,
            crypto: mtls::crypto_hosts(&backends.crypto)?,
            store: store.clone(),
        })
    }

    /// Looks them up, once before anybody is served, and from then on in the background until the stop. Returns early
    /// if the stop comes first.
    pub(crate) async fn follow(self, own: OwnAddresses, life: &Lifecycle) {
        let until_known = async {
            while let Err(error) = self.look(&own).await {
                tracing::warn!("not ready: the control database's addresses cannot be looked up: {error:#}");
                sleep(RETRY).await;
            }
        };
        tokio::select! { () = until_known => {} () = life.stopping() => return }
        let life = life.clone();
        let again = async move {
            loop {
                sleep(LOOK).await;
                if let Err(error) = self.look(&own).await {
                    tracing::warn!("the control database's addresses cannot be looked up: {error:#}");
                }
            }
        };
        tokio::spawn(async move {
            tokio::select! { () = again => {} () = life.stopping() => {} }
        });
    }

    /// Fails unless the control database's addresses are known. crypto-service may not run yet, and has no address then
    /// in Kubernetes.
    async fn look(&self, own: &OwnAddresses) -> Result<()> {
        for host in &self.crypto {
            own.saw(addresses_of(host).await.unwrap_or_default());
        }
        if let Some(host) = &self.database {
            own.saw(addresses_of(host).await.with_context(|| host.clone())?);
        }
        own.saw(self.store.server_address().await?.filter(is_routable));
        Ok(())
    }
}

/// A pooler on the server's own machine reaches it by loopback, which says nothing about the machine's address.
fn is_routable(address: &IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified()
}
