//! Runs a whole Postern: the release build of the development server, with new state.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use postern_chassis::{
    config::{CryptoClientConfig, TlsFiles},
    mtls,
};
use postern_devkit::ca::{DevCa, TRUST_DOMAIN};
use postern_rpc::connection::{
    UpsertConnectionRequest, connection_service_client::ConnectionServiceClient, upsert_connection_request,
};
use serde::Deserialize;
use serde_json::json;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::{builds, http::HttpClient, process::Process};

/// A running Postern and one user's token.
pub(crate) struct Postern {
    url: String,
    crypto_url: String,
    bearer: Bearer,
    state: PathBuf,
    _process: Process,
}

/// The user's token.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    /// A request that carries the token.
    pub(crate) fn authorize<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.0.clone());
        request
    }
}

impl Postern {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let program = builds()?.join("postern-standalone");
        ensure!(
            program.exists(),
            "{} is missing; run `cargo xtask bench`, which builds it",
            program.display()
        );
        let (state, console) = (folder.join("postern"), folder.join("console"));
        fs::create_dir_all(&console)?;
        fs::write(console.join("index.html"), "<!doctype html><title>Postern</title>")?;
        let mut command = Command::new(program);
        command.args(["--port", "0", "--state"]).arg(&state).arg("--console").arg(&console);
        command.env_remove("POSTERN_DATABASE_URL");
        let (process, url) = Process::start(command, "Postern is ready:", folder).await?;
        let bearer = sign_in(&url).await.context("the development issuer returned no token")?;
        let crypto_url = crypto_url(&state.join("postern.log")).await?;
        Ok(Self { url, crypto_url, bearer, state, _process: process })
    }

    /// The user's token.
    pub(crate) fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Opens a new connection to the edge.
    pub(crate) async fn channel(&self) -> Result<Channel> {
        Ok(Endpoint::from_shared(self.url.clone())?.connect().await?)
    }

    /// A channel to crypto-service, like the one of the given service.
    pub(crate) fn crypto_channel(&self, service: &str) -> Result<Channel> {
        internal_channel(&self.crypto_url, &self.certificates(), service)
    }

    /// The folder with the certificates of its services.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.state.join("certificates")
    }

    /// Saves a connection for the user.
    pub(crate) async fn save(&self, name: &str, dsn: &str) -> Result<()> {
        let endpoint = Some(upsert_connection_request::Endpoint::PostgresDsn(dsn.to_owned()));
        let request =
            UpsertConnectionRequest { name: name.to_owned(), endpoint, ..UpsertConnectionRequest::default() };
        let mut client = ConnectionServiceClient::new(self.channel().await?);
        client
            .upsert_connection(self.bearer.authorize(request))
            .await
            .context("the connection was not saved")?;
        Ok(())
    }
}

/// Opens a channel to a server with crypto-service's certificate, with the given service's certificate.
pub(super) fn internal_channel(url: &str, certificates: &Path, service: &str) -> Result<Channel> {
    let tls = tls_files(certificates, service)?;
    mtls::crypto_channel(&CryptoClientConfig { url: url.to_owned(), tls })
}

pub(super) fn tls_files(certificates: &Path, service: &str) -> Result<TlsFiles> {
    let files = DevCa::load_or_create(certificates)?.service(service)?;
    Ok(TlsFiles {
        certificate: files.certificate,
        key: files.key,
        ca: files.ca,
        trust_domain: TRUST_DOMAIN.to_owned(),
        namespace: None,
    })
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

async fn sign_in(url: &str) -> Result<Bearer> {
    let address = url.trim_start_matches("http://");
    let mut client = HttpClient::connect(address, None).await?;
    let token: Token = client.post("/dev/token", &json!({ "user": "bench" })).await?;
    let bearer = MetadataValue::try_from(format!("Bearer {}", token.access_token));
    Ok(Bearer(bearer.context("the token is not a valid header value")?))
}

/// The fields of a log line that are needed here.
#[derive(Deserialize)]
struct LogLine {
    message: Option<String>,
    address: Option<String>,
}

/// The URL of crypto-service, from the log. The line may appear shortly after the edge is ready.
async fn crypto_url(log: &Path) -> Result<String> {
    for _ in 0..100 {
        let text = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<LogLine>(line).ok());
        let ready = lines.find(|line| line.message.as_deref() == Some("crypto-service is ready"));
        if let Some(address) = ready.and_then(|line| line.address) {
            return Ok(format!("https://{address}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} has no line with crypto-service's address", log.display())
}
