//! Runs a whole Postern: the development server, built as images are, with new state.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use postern_chassis::{
    config::{CryptoClientConfig, TlsFiles},
    mtls::{self, CryptoChannel},
};
use postern_devkit::{
    ca::{DevCa, TRUST_DOMAIN},
    issuer::DevIssuer,
    postgres::SUPERUSER,
};
use postern_domain::SystemClock;
use postern_rpc::connection::{
    SupabaseEndpoint, UpsertConnectionRequest, connection_service_client::ConnectionServiceClient,
    upsert_connection_request,
};
use serde::Deserialize;
use tokio_postgres::Client;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::{builds, collector::Collector, process::Process, tenant::connect};

/// A running Postern and its users' tokens.
pub(crate) struct Postern {
    url: String,
    crypto_url: String,
    bearer: Bearer,
    state: PathBuf,
    issuer: DevIssuer,
    process: Process,
}

/// Sessions with tenants' servers that one Postern of the benchmark may have: more than the rows with many owners open.
const TENANT_SESSIONS: usize = 2500;

/// Name of the development issuer.
const ISSUER: &str = "postern-development";

/// A user's token.
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
    /// Starts one with its state in a folder of this name. Spans are sampled as `deploy/kubernetes/components/tracing`
    /// has it.
    pub(super) async fn start(folder: &Path, name: &str, collector: Option<&Collector>) -> Result<Self> {
        let program = builds()?.join("postern-standalone");
        ensure!(
            program.exists(),
            "{} is missing; run `cargo xtask bench`, which builds it",
            program.display()
        );
        let (state, console) = (folder.join(name), folder.join("console"));
        fs::create_dir_all(&console)?;
        fs::write(console.join("index.html"), "<!doctype html><title>Postern</title>")?;
        let mut command = Command::new(program);
        command.args(["--port", "0", "--state"]).arg(&state).arg("--console").arg(&console);
        command.args(["--tenant-sessions", &TENANT_SESSIONS.to_string()]);
        command.env_remove("POSTERN_DATABASE_URL");
        if let Some(collector) = collector {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
            command.env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
            command.env("OTEL_TRACES_SAMPLER_ARG", "0.05");
        }
        let (process, url) = Process::start(command, "Postern is ready:", folder).await?;
        let issuer = DevIssuer::load_or_create(ISSUER, &state.join("issuer.pem"))?;
        let bearer = sign_in(&issuer, "bench")?;
        let crypto_url = crypto_url(&state.join("postern.log")).await?;
        Ok(Self { url, crypto_url, bearer, state, issuer, process })
    }

    /// The token of the user whom rows with one owner use.
    pub(crate) fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Signs in this many other users, and saves a connection for each.
    pub(crate) async fn owners(&self, count: usize, name: &str, dsn: &str) -> Result<Vec<Bearer>> {
        let mut client = ConnectionServiceClient::new(self.channel().await?);
        let mut bearers = Vec::with_capacity(count);
        for n in 0..count {
            let bearer = sign_in(&self.issuer, &format!("owner-{n}"))?;
            save(&mut client, &bearer, name, dsn).await?;
            bearers.push(bearer);
        }
        Ok(bearers)
    }

    /// A direct connection to the control database, as its superuser.
    pub(crate) async fn control_database(&self) -> Result<Client> {
        let read = |name: &str| fs::read_to_string(self.state.join("postgres").join(name));
        let (password, port) = (read("superuser.password")?, read("port")?);
        connect(&format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/postern?sslmode=disable")).await
    }

    /// Bytes of memory that the process has, without its Postgres.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// Opens a new connection to the edge.
    pub(crate) async fn channel(&self) -> Result<Channel> {
        Ok(Endpoint::from_shared(self.url.clone())?.connect().await?)
    }

    /// A channel to crypto-service, like the one of the given service.
    pub(crate) fn crypto_channel(&self, service: &str) -> Result<CryptoChannel> {
        internal_channel(&self.crypto_url, &self.certificates(), service)
    }

    /// The folder with the certificates of its services.
    pub(crate) fn certificates(&self) -> PathBuf {
        self.state.join("certificates")
    }

    /// Saves a connection to a Postgres for the user.
    pub(crate) async fn save(&self, name: &str, dsn: &str) -> Result<()> {
        let mut client = ConnectionServiceClient::new(self.channel().await?);
        save(&mut client, &self.bearer, name, dsn).await
    }

    /// Saves a connection to a project, with its publishable key, for the user.
    pub(crate) async fn save_project(&self, name: &str, endpoint: SupabaseEndpoint, key: &str) -> Result<()> {
        let mut client = ConnectionServiceClient::new(self.channel().await?);
        let request = UpsertConnectionRequest {
            name: name.to_owned(),
            endpoint: Some(upsert_connection_request::Endpoint::Supabase(endpoint)),
            publishable_key: Some(key.to_owned()),
            ..Default::default()
        };
        upsert(&mut client, &self.bearer, request).await
    }
}

/// Saves a connection.
pub(crate) async fn save(
    client: &mut ConnectionServiceClient<Channel>,
    bearer: &Bearer,
    name: &str,
    dsn: &str,
) -> Result<()> {
    let endpoint = Some(upsert_connection_request::Endpoint::PostgresDsn(dsn.to_owned()));
    upsert(client, bearer, UpsertConnectionRequest { name: name.to_owned(), endpoint, ..Default::default() })
        .await
}

async fn upsert(
    client: &mut ConnectionServiceClient<Channel>,
    bearer: &Bearer,
    request: UpsertConnectionRequest,
) -> Result<()> {
    let saved = client.upsert_connection(bearer.authorize(request)).await;
    saved.context("the connection was not saved").map(drop)
}

/// Opens a channel to a server with crypto-service's certificate, with the given service's certificate.
pub(super) fn internal_channel(url: &str, certificates: &Path, service: &str) -> Result<CryptoChannel> {
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

fn sign_in(issuer: &DevIssuer, user: &str) -> Result<Bearer> {
    let bearer = MetadataValue::try_from(format!("Bearer {}", issuer.mint(user, &SystemClock)?));
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
