//! The client's side: the way to crypto-service.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::HANDSHAKE;
use crate::config::CryptoClientConfig;

/// A channel to crypto-service. Connects when it is first used, so that services may start in any order; the server
/// must show a certificate of the authority for the name `crypto-service`.
pub fn crypto_channel(config: &CryptoClientConfig) -> Result<Channel> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&config.tls.ca)?))
        .identity(Identity::from_pem(read(&config.tls.certificate)?, read(&config.tls.key)?))
        .domain_name("crypto-service");
    let endpoint = Endpoint::from_shared(config.url.clone()).context("crypto.url is not a URL")?;
    let endpoint = endpoint.tls_config(tls).context("the certificate for crypto-service cannot be used")?;
    Ok(endpoint.tcp_nodelay(true).connect_timeout(HANDSHAKE).timeout(Duration::from_secs(10)).connect_lazy())
}
