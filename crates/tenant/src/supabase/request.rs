//! A request in parts.

use bytes::Bytes;
use postern_domain::{
    AccessMode, Secret,
    supabase::{ServingKey, SupabaseEndpoint},
};

use super::{InvalidRequest, target};

/// Longest body of a request, in bytes.
pub const REQUEST_BODY_BYTES: usize = 3 * 1024 * 1024;

/// One HTTP request. Its parts are plain text; they are encoded here.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The service, which decides the path's beginning.
    pub service: Service,
    /// The rest of the path, decoded, without separators: `["rpc", "total"]`.
    pub segments: Vec<String>,
    /// Names and values of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Names and values of headers. Those that are not on the list of allowed ones are dropped.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET and HEAD.
    pub body: Bytes,
    /// The user's own token for the project. Only connections that are configured to pass it on use it.
    pub user_token: Option<Secret>,
}

/// Methods that Supabase's services use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Inserts, calls a function, uploads.
    Post,
    /// Updates.
    Patch,
    /// Upserts one row, replaces an object.
    Put,
    /// Deletes.
    Delete,
}

/// Services of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// The database's REST interface, always on.
    Rest,
    /// Files.
    Storage,
    /// Edge functions.
    Functions,
    /// Sign-in.
    Auth,
}

impl Request {
    /// A request without query, headers and body.
    pub fn new<S: Into<String>>(
        method: Method,
        service: Service,
        segments: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            method,
            service,
            segments: segments.into_iter().map(Into::into).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            user_token: None,
        }
    }

    /// Path and query, encoded, as the request's first line holds them.
    pub fn target(&self) -> Result<String, InvalidRequest> {
        target::build(self.service, &self.segments, &self.query)
    }

    /// Checks what the connection's settings decide: read-only, the services, the user's token.
    pub(super) fn check(&self, endpoint: &SupabaseEndpoint) -> Result<(), InvalidRequest> {
        if !self.service.is_on(endpoint) {
            return Err(InvalidRequest::ServiceOff(self.service));
        }
        if endpoint.access_mode == AccessMode::ReadOnly && !self.method.is_read() {
            return Err(InvalidRequest::ReadOnly { rpc: self.is_rpc() });
        }
        if self.method.is_read() && !self.body.is_empty() {
            return Err(InvalidRequest::BodyNotAllowed);
        }
        if self.body.len() > REQUEST_BODY_BYTES {
            return Err(InvalidRequest::BodyTooLarge);
        }
        let needs_user = endpoint.pass_user_token && endpoint.serving == ServingKey::Secret;
        if needs_user && self.user_token.is_none() {
            return Err(InvalidRequest::UserTokenMissing);
        }
        Ok(())
    }

    fn is_rpc(&self) -> bool {
        self.method == Method::Post
            && self.service == Service::Rest
            && self.segments.first().is_some_and(|segment| segment == "rpc")
    }
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 6] = [Self::Get, Self::Head, Self::Post, Self::Patch, Self::Put, Self::Delete];

    /// The name in HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Whether the method only reads. PostgREST then uses a READ ONLY transaction.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }

    pub(super) const fn to_http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Head => http::Method::HEAD,
            Self::Post => http::Method::POST,
            Self::Patch => http::Method::PATCH,
            Self::Put => http::Method::PUT,
            Self::Delete => http::Method::DELETE,
        }
    }
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Rest, Self::Storage, Self::Functions, Self::Auth];

    /// The beginning of its paths.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Rest => "/rest/v1",
            Self::Storage => "/storage/v1",
            Self::Functions => "/functions/v1",
            Self::Auth => "/auth/v1",
        }
    }

    const fn is_on(self, endpoint: &SupabaseEndpoint) -> bool {
        match self {
            Self::Rest => true,
            Self::Storage => endpoint.services.storage,
            Self::Functions => endpoint.services.functions,
            Self::Auth => endpoint.services.auth,
        }
    }
}
