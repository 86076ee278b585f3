//! Runs a Supabase project: PostgREST over a Postgres, behind the gateway of the tests, which runs in this process.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use postern_domain::Host;
use postern_egress::tls;
use postern_rpc::connection::SupabaseEndpoint;
use postern_testkit::{SupabaseProject, TenantServer};

use super::http::HttpClient;

/// The name under which the user saves the project.
pub(crate) const PROJECT: &str = "project";

/// A running project.
pub(crate) struct Supabase {
    project: SupabaseProject,
    _server: TenantServer,
}

impl Supabase {
    pub(super) async fn start() -> Result<Self> {
        let server = TenantServer::start().await;
        let project = SupabaseProject::try_start(&server).await?;
        Ok(Self { project, _server: server })
    }

    /// The endpoint and the key that a user saves.
    pub(crate) fn endpoint(&self) -> (SupabaseEndpoint, &str) {
        let (url, ca_pem) = (self.project.url(), self.project.ca_pem().to_owned());
        let endpoint = SupabaseEndpoint { url, ca_pem, ..SupabaseEndpoint::default() };
        (endpoint, &self.project.keys().publishable)
    }

    /// Opens a connection to the project, as an app does that has the key.
    pub(crate) async fn connect(&self) -> Result<Direct> {
        let url = self.project.url();
        let address = url.trim_start_matches("https://");
        let host = Host::parse("localhost").context("localhost is a host")?;
        let trust = tls::client_config(Some(self.project.ca_pem()))?;
        let stream = tls::connect_tls(HttpClient::dial(address).await?, trust, &host).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let apikey = HeaderValue::from_str(&self.project.keys().publishable)?;
        Ok(Direct { sender, host: HeaderValue::from_str(address)?, apikey })
    }
}

/// An open connection to the project.
pub(crate) struct Direct {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
    apikey: HeaderValue,
}

impl Direct {
    /// Sends a GET request and reads the whole answer.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes> {
        let request = Request::get(path).header(header::HOST, &self.host).header("apikey", &self.apikey);
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Empty::new())?).await?;
        ensure!(response.status() == 200, "the project returned {}", response.status());
        Ok(response.into_body().collect().await?.to_bytes())
    }
}
