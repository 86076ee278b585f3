//! crypto-service, over mutual TLS on a loopback port. Users cannot call it.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use postern_chassis::{
    Lifecycle,
    config::{CryptoClientConfig, OpsConfig, TlsFiles},
    server,
};
use postern_crypto_service as crypto_service;
use postern_devkit::ca::{DevCa, ServiceFiles, TRUST_DOMAIN};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use tokio::task::JoinSet;

use crate::{ISSUER, SignIn, state::State};

/// How the other services reach crypto-service.
pub(crate) struct CryptoAddress {
    url: String,
    ca: DevCa,
}

impl CryptoAddress {
    /// `https://127.0.0.1:port`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The configuration of a caller, with its own certificate.
    pub(crate) fn for_caller(&self, service: &str) -> Result<CryptoClientConfig> {
        Ok(CryptoClientConfig { url: self.url.clone(), tls: tls_files(self.ca.service(service)?) })
    }
}

/// Starts crypto-service on a free port.
pub(crate) async fn start_crypto(
    state: &State,
    issuers: Vec<IssuerConfig>,
    tasks: &mut JoinSet<Result<()>>,
    life: Lifecycle,
) -> Result<CryptoAddress> {
    let ca = DevCa::load_or_create(&state.private_dir("certificates")?)?;
    let listener = server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let address = listener.local_addr()?;
    let config = crypto_service::Config {
        ops: OpsConfig::default(),
        listen: address,
        tls: tls_files(ca.service("crypto-service")?),
        keyring: crypto_service::KeyringConfig::embedded(&state.private_dir("keys")?)?,
        issuers,
        egress: egress(),
    };
    tasks.spawn(crypto_service::serve(config, listener, life));
    Ok(CryptoAddress { url: format!("https://{address}"), ca })
}

/// The issuers whose tokens are accepted.
pub(crate) fn issuers(edge_port: u16, sign_in: Option<&SignIn>) -> Result<Vec<IssuerConfig>> {
    let real = sign_in.map(|sign_in| sign_in.issuer.clone());
    Ok([issuer(edge_port)?].into_iter().chain(real).collect())
}

/// The configuration of the development issuer: name, audience and key set URL.
fn issuer(edge_port: u16) -> Result<IssuerConfig> {
    Ok(serde_json::from_value(serde_json::json!({
        "issuer": ISSUER,
        "audience": postern_devkit::issuer::AUDIENCE,
        "jwks_url": format!("http://127.0.0.1:{edge_port}/dev/jwks.json"),
    }))?)
}

/// A policy for one machine: loopback addresses and every port are allowed.
pub(crate) fn egress() -> Policy {
    Policy::development()
}

fn tls_files(files: ServiceFiles) -> TlsFiles {
    TlsFiles {
        certificate: files.certificate,
        key: files.key,
        ca: files.ca,
        trust_domain: TRUST_DOMAIN.to_owned(),
        namespace: None,
    }
}
