//! A signed-in user with clients for the public API.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use postern_rpc::{
    connection::{
        Connection, DeleteConnectionRequest, EraseDataRequest, EraseDataResponse, ExportDataRequest,
        UpsertConnectionRequest, connection_service_client::ConnectionServiceClient,
        upsert_connection_request,
    },
    proxy::{ColumnData, Header, QueryRequest, Summary, proxy_service_client::ProxyServiceClient},
};
use serde_json::Value;
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

/// A user and a token.
#[derive(Clone)]
pub struct User {
    token: String,
    channel: Channel,
}

/// A whole result.
#[derive(Debug, Default)]
pub struct Rows {
    /// The columns.
    pub header: Header,
    /// The values of each batch, column by column.
    pub batches: Vec<Vec<ColumnData>>,
    /// How it ended.
    pub summary: Summary,
}

impl Rows {
    /// The values of a text column.
    pub fn texts(&self, column: usize) -> Vec<&str> {
        self.batches.iter().flat_map(|batch| batch[column].texts.iter().map(String::as_str)).collect()
    }

    /// The values of a column of whole numbers.
    pub fn ints(&self, column: usize) -> Vec<i64> {
        self.batches.iter().flat_map(|batch| batch[column].ints.iter().copied()).collect()
    }
}

/// Adds the token to each request.
#[derive(Clone)]
pub struct Bearer(String);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = MetadataValue::try_from(format!("Bearer {}", self.0));
        request.metadata_mut().insert("authorization", value.expect("a token is printable"));
        Ok(request)
    }
}

type Authorized = InterceptedService<Channel, Bearer>;

impl User {
    /// A user with this token at this Postern. Connects when first used.
    pub fn new(url: &str, token: String) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned()).expect("the URL is ours");
        Self { token, channel: endpoint.connect_lazy() }
    }

    /// [`User::new`] through a gateway at `url` that tells backends apart by the hostname in `origin`.
    pub fn through(url: &str, origin: &str, token: String) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned()).expect("the URL is ours");
        let endpoint = endpoint.origin(origin.parse().expect("the origin is ours"));
        Self { token, channel: endpoint.connect_lazy() }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The token's `jti`.
    pub fn token_id(&self) -> String {
        let claims = self.token.split('.').nth(1).expect("a token has claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("claims are base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("claims are JSON");
        claims["jti"].as_str().expect("every token of ours has an id").to_owned()
    }

    /// A client of connection-service.
    pub fn connections(&self) -> ConnectionServiceClient<Authorized> {
        ConnectionServiceClient::with_interceptor(self.channel.clone(), Bearer(self.token.clone()))
    }

    /// A client of proxy-service.
    pub fn proxy(&self) -> ProxyServiceClient<Authorized> {
        ProxyServiceClient::with_interceptor(self.channel.clone(), Bearer(self.token.clone()))
    }

    /// Saves a connection from a DSN.
    pub async fn save(&self, name: &str, dsn: String) -> Result<Connection, Status> {
        let endpoint = Some(upsert_connection_request::Endpoint::PostgresDsn(dsn));
        self.upsert(UpsertConnectionRequest {
            name: name.into(),
            endpoint,
            ..UpsertConnectionRequest::default()
        })
        .await
    }

    /// Saves a connection.
    pub async fn upsert(&self, request: UpsertConnectionRequest) -> Result<Connection, Status> {
        let response = self.connections().upsert_connection(request).await?.into_inner();
        Ok(response.connection.expect("an answer has a connection"))
    }

    /// Deletes a connection.
    pub async fn delete(&self, name: &str) -> Result<(), Status> {
        let request = DeleteConnectionRequest { name: name.into(), expected_version: None };
        self.connections().delete_connection(request).await.map(drop)
    }

    /// Everything that is stored about the user: a JSON document.
    pub async fn export_data(&self) -> Result<String, Status> {
        let mut parts = self.connections().export_data(ExportDataRequest {}).await?.into_inner();
        let mut document = Vec::new();
        while let Some(response) = parts.message().await? {
            document.extend(response.part);
        }
        Ok(String::from_utf8(document).expect("a document is UTF-8"))
    }

    /// Erases everything that is stored about the user.
    pub async fn erase_data(&self) -> Result<EraseDataResponse, Status> {
        let request = EraseDataRequest { confirm: true };
        self.connections().erase_data(request).await.map(tonic::Response::into_inner)
    }

    /// Runs a statement without parameters.
    pub async fn query(&self, connection: &str, sql: &str) -> Result<Rows, Status> {
        let (connection, sql) = (connection.into(), sql.into());
        self.run(QueryRequest { connection, sql, ..QueryRequest::default() }).await
    }

    /// Runs a statement to its end.
    pub async fn run(&self, request: QueryRequest) -> Result<Rows, Status> {
        let mut messages = self.proxy().query(request).await?.into_inner();
        let (mut rows, mut summary) = (Rows::default(), None);
        while let Some(message) = messages.message().await? {
            assert!(summary.is_none(), "a message after the summary");
            rows.header = message.header.unwrap_or(rows.header);
            rows.batches.extend(message.batch.map(|batch| batch.columns));
            summary = message.summary;
        }
        rows.summary = summary.expect("a complete result has a summary");
        Ok(rows)
    }
}

/// `ErrorInfo.reason` of a status; empty without one.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
