//! Another replica of the edge services of a Postern.

use std::{net::Ipv4Addr, sync::Arc};

use anyhow::Result;
use postern_chassis::{
    Gate, Lifecycle, Rpcs, TrustedProxies,
    config::{CryptoClientConfig, DatabaseConfig, TlsFiles},
    cors, server,
};
use postern_connection_service as connection_service;
use postern_devkit::{ca::TRUST_DOMAIN, issuer::AUDIENCE};
use postern_domain::SystemClock;
use postern_egress::Policy;
use postern_proxy_service as proxy_service;
use postern_standalone::ISSUER;
use serde_json::json;

use crate::{Postern, User, runtime};

/// connection-service and proxy-service on one origin, with the database and crypto-service of a Postern. They stop
/// when this is dropped.
pub struct Replica {
    url: String,
    life: Lifecycle,
}

/// In what a replica differs.
pub struct ReplicaOptions {
    /// `backends.cancel_on_change` of proxy-service.
    pub cancel_on_change: bool,
    /// Where proxy-service finds the control database, if not where everyone does.
    pub proxy_database_url: Option<String>,
}

impl Default for ReplicaOptions {
    fn default() -> Self {
        Self { cancel_on_change: true, proxy_database_url: None }
    }
}

impl Postern {
    /// Starts another replica.
    pub async fn replica(&self, options: ReplicaOptions) -> Replica {
        let life = Lifecycle::default();
        let backends = (self.connection_backends(), self.proxy_backends(options));
        let serving = serve(backends, self.url().to_owned(), life.clone());
        let started = runtime::shared().spawn(serving).await.expect("the start does not panic");
        Replica { url: started.expect("a replica starts"), life }
    }

    fn connection_backends(&self) -> connection_service::Backends {
        connection_service::Backends {
            database: DatabaseConfig::new(self.state().join("urls/postern_connection")),
            crypto: self.crypto_client("connection-service"),
        }
    }

    fn proxy_backends(&self, options: ReplicaOptions) -> proxy_service::Backends {
        let url_file = match options.proxy_database_url {
            Some(url) => self.write_url(&url),
            None => self.state().join("urls/postern_proxy"),
        };
        proxy_service::Backends {
            cancel_on_change: options.cancel_on_change,
            database: DatabaseConfig::new(url_file),
            crypto: self.crypto_client("proxy-service"),
            egress: Policy::development(),
            pools: proxy_service::PoolLimits::default(),
            admission: proxy_service::AdmissionLimits::default(),
        }
    }

    fn crypto_client(&self, service: &str) -> CryptoClientConfig {
        let files = self.certificate(service);
        let (certificate, key, ca) = (files.certificate, files.key, files.ca);
        let tls = TlsFiles { certificate, key, ca, trust_domain: TRUST_DOMAIN.to_owned(), namespace: None };
        CryptoClientConfig { url: self.crypto_url().to_owned(), tls }
    }

    fn write_url(&self, url: &str) -> std::path::PathBuf {
        let file = self.state().join("urls/replica");
        std::fs::write(&file, url).expect("an own folder can be written");
        file
    }
}

impl Replica {
    /// The same user, at this replica.
    pub fn user(&self, user: &User) -> User {
        User::new(&self.url, user.token().to_owned())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.life.stop();
    }
}

type Backends = (connection_service::Backends, proxy_service::Backends);

/// Returns the URL once it takes calls.
async fn serve((connections, proxy): Backends, postern: String, life: Lifecycle) -> Result<String> {
    let issuer =
        json!({ "issuer": ISSUER, "audience": AUDIENCE, "jwks_url": format!("{postern}/dev/jwks.json") });
    let gate =
        Gate::new(vec![serde_json::from_value(issuer)?], Policy::development(), Arc::new(SystemClock))?;
    let connections = connection_service::service(&connections).await?;
    let proxy = proxy_service::service(&proxy, &life).await?;
    let router = Rpcs::default().with(connections).with(proxy).edge(gate, &life).await;
    let listener = server::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(server::serve_edge(listener, router, cors::layer(&[])?, TrustedProxies::default(), life));
    Ok(url)
}
