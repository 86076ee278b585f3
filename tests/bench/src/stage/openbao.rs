//! Runs `OpenBao` with its Transit engine.

use std::{fs, sync::Arc};

use anyhow::{Context, Result};
use http::HeaderValue;
use postern_domain::Host;
use postern_egress::tls;
use rustls::ClientConfig;

use super::http::HttpClient;

/// The path of Transit's encrypt call.
pub(crate) const ENCRYPT: &str = "/v1/transit/encrypt/postern";

/// A running server and a token that may encrypt.
pub(crate) struct OpenBao {
    address: String,
    authorization: HeaderValue,
    trust: Arc<ClientConfig>,
    _server: postern_testkit::OpenBao,
}

impl OpenBao {
    /// Starts a server, after installing it if necessary.
    pub(super) async fn start() -> Result<Self> {
        let server = tokio::task::spawn_blocking(postern_testkit::OpenBao::try_start).await??;
        let authority = fs::read_to_string(server.ca()).context("OpenBao has no authority")?;
        let token = server.token(&[]);
        Ok(Self {
            address: server.address().trim_start_matches("https://").to_owned(),
            authorization: HeaderValue::try_from(format!("Bearer {token}"))?,
            trust: tls::client_config(Some(&authority))?,
            _server: server,
        })
    }

    /// Opens a new connection.
    pub(crate) async fn client(&self) -> Result<HttpClient> {
        let stream = HttpClient::dial(&self.address).await?;
        let host = Host::parse("localhost").context("localhost is a host")?;
        let stream = tls::connect_tls(stream, self.trust.clone(), &host).await?;
        HttpClient::over(stream, &self.address, Some(self.authorization.clone())).await
    }
}
