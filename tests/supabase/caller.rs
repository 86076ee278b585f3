//! A user with a project of their own, saved in Postern.

use postern_rpc::{
    connection::{
        AccessMode, ServingKey, SupabaseEndpoint, SupabaseService, UpsertConnectionRequest,
        upsert_connection_request::Endpoint,
    },
    proxy::{ForwardRequest, ForwardSummary, HttpMethod, forward_response::Part},
};
use postern_testkit::{Postern, SupabaseProject, TenantServer, User};
use serde_json::Value;
use tonic::Status;

/// The connection's name.
pub(crate) const PROJECT: &str = "project";

pub(crate) struct Caller {
    pub(crate) project: SupabaseProject,
    pub(crate) user: User,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u32,
    pub(crate) body: String,
    pub(crate) summary: ForwardSummary,
}

impl Caller {
    /// A user of this name, with a new project that is not saved yet.
    pub(crate) async fn new(name: &str) -> Self {
        let project = SupabaseProject::start(TenantServer::shared().await).await;
        Self { project, user: Postern::shared().await.user(name) }
    }

    /// The same with the project saved: its publishable key serves, and it may be used for everything.
    pub(crate) async fn with_project(name: &str) -> Self {
        let caller = Self::new(name).await;
        caller.save(caller.endpoint(ServingKey::Publishable)).await;
        caller
    }

    /// The project with everything switched on but user tokens.
    pub(crate) fn endpoint(&self, serving: ServingKey) -> SupabaseEndpoint {
        SupabaseEndpoint {
            url: self.project.url(),
            serving_key: serving.into(),
            access_mode: AccessMode::ReadWrite.into(),
            services: [SupabaseService::Storage, SupabaseService::Functions, SupabaseService::Auth]
                .map(Into::into)
                .to_vec(),
            ca_pem: self.project.ca_pem().to_owned(),
            ..SupabaseEndpoint::default()
        }
    }

    /// Saves the project with the key that serves.
    pub(crate) async fn save(&self, endpoint: SupabaseEndpoint) {
        let keys = self.project.keys();
        let (publishable_key, secret_key) = match endpoint.serving_key() {
            ServingKey::Secret => (None, Some(keys.secret.clone())),
            _ => (Some(keys.publishable.clone()), None),
        };
        let request = UpsertConnectionRequest { publishable_key, secret_key, ..upsert(endpoint) };
        self.user.upsert(request).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &[&str]) -> Result<Answer, Status> {
        self.forward(rest(HttpMethod::Get, path)).await
    }

    /// Calls one of the gateway's functions.
    pub(crate) async fn invoke(&self, path: &[&str]) -> Result<Answer, Status> {
        let service = SupabaseService::Functions.into();
        self.forward(ForwardRequest { service, ..rest(HttpMethod::Get, path) }).await
    }

    pub(crate) async fn forward(&self, request: ForwardRequest) -> Result<Answer, Status> {
        let mut parts = self.user.proxy().forward(request).await?.into_inner();
        let (mut status, mut body) = (0, Vec::new());
        while let Some(part) = parts.message().await? {
            match part.part.expect("a part is not empty") {
                Part::Head(head) => status = head.status,
                Part::Body(bytes) => body.extend_from_slice(&bytes),
                Part::Summary(summary) => {
                    return Ok(Answer { status, body: String::from_utf8(body).unwrap(), summary });
                }
            }
        }
        panic!("the answer has no end")
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A connection without keys.
pub(crate) fn upsert(endpoint: SupabaseEndpoint) -> UpsertConnectionRequest {
    UpsertConnectionRequest {
        name: PROJECT.into(),
        endpoint: Some(Endpoint::Supabase(endpoint)),
        ..UpsertConnectionRequest::default()
    }
}

/// A request to the REST API.
pub(crate) fn rest(method: HttpMethod, path: &[&str]) -> ForwardRequest {
    ForwardRequest {
        connection: PROJECT.into(),
        method: method.into(),
        path: path.iter().map(|&segment| segment.to_owned()).collect(),
        ..ForwardRequest::default()
    }
}
