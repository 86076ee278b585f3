//! The head of a request: the caller's part, and what only we set.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use http_body_util::Full;
use postern_domain::{
    Secret,
    supabase::{KeySort, SchemaName, SupabaseEndpoint, SupabaseKey},
};

use super::{InvalidRequest, Method, Request, headers};

/// Supabase refuses secret keys from browsers' user agents, so the caller's user agent is never sent.
const USER_AGENT: &str = concat!("postern/", env!("CARGO_PKG_VERSION"));

/// Longest token of a user, in bytes.
const TOKEN_BYTES: usize = 8 * 1024;

const APIKEY: HeaderName = HeaderName::from_static("apikey");
const ACCEPT_PROFILE: HeaderName = HeaderName::from_static("accept-profile");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// What every request of a connection has in common. Holds the key for as long as the connection lives, since HTTP
/// sends it with each request.
pub(super) struct Common {
    host: HeaderValue,
    apikey: HeaderValue,
    /// For keys that are JWTs. Supabase refuses opaque keys as bearer tokens.
    bearer: Option<HeaderValue>,
    pub(super) sort: KeySort,
}

impl Common {
    pub(super) fn new(endpoint: &SupabaseEndpoint, key: &SupabaseKey) -> Self {
        Self {
            host: HeaderValue::from_str(&endpoint.url.authority()).expect("a parsed host is visible ASCII"),
            apikey: sensitive(key.secret().expose()).expect("a parsed key is visible ASCII"),
            bearer: key.is_bearer().then(|| bearer(key.secret())).flatten(),
            sort: key.sort(),
        }
    }

    /// The request as it is sent, checked against the connection's settings.
    pub(super) fn dress(
        &self,
        request: &Request,
        endpoint: &SupabaseEndpoint,
    ) -> Result<http::Request<Full<Bytes>>, InvalidRequest> {
        request.check(endpoint)?;
        let target = request.target()?;
        let mut sent = headers::of_request(&request.headers)?;
        self.set_own(&mut sent, request, endpoint)?;
        set_schema(&mut sent, request.method, &endpoint.schema);
        let mut dressed = http::Request::new(Full::new(request.body.clone()));
        *dressed.method_mut() = request.method.to_http();
        *dressed.uri_mut() = Uri::try_from(target).map_err(|_| InvalidRequest::TooLong)?;
        *dressed.headers_mut() = sent;
        Ok(dressed)
    }

    fn set_own(
        &self,
        sent: &mut HeaderMap,
        request: &Request,
        endpoint: &SupabaseEndpoint,
    ) -> Result<(), InvalidRequest> {
        sent.insert(header::HOST, self.host.clone());
        sent.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        sent.insert(APIKEY, self.apikey.clone());
        let user = request.user_token.as_ref().filter(|_| endpoint.pass_user_token);
        let authorization = match user {
            Some(token) => Some(user_bearer(token)?),
            None => self.bearer.clone(),
        };
        if let Some(authorization) = authorization {
            sent.insert(header::AUTHORIZATION, authorization);
        }
        Ok(())
    }
}

/// Sets the connection's schema if the caller names none. PostgREST expects one header for reads and another for
/// writes.
fn set_schema(sent: &mut HeaderMap, method: Method, schema: &SchemaName) {
    let name = if method.is_read() { ACCEPT_PROFILE } else { CONTENT_PROFILE };
    if *schema != SchemaName::default() && !sent.contains_key(&name) {
        let value = HeaderValue::from_str(schema.as_str()).expect("a schema's name is visible ASCII");
        sent.insert(name, value);
    }
}

/// The schema that a request is for, by its head.
pub(super) fn schema_of(sent: &HeaderMap, method: Method) -> String {
    let name = if method.is_read() { ACCEPT_PROFILE } else { CONTENT_PROFILE };
    let named = sent.get(name).and_then(|value| value.to_str().ok());
    named.map_or_else(|| SchemaName::default().as_str().to_owned(), str::to_owned)
}

/// Refuses anything but a JWT in compact form: a project's users have no other tokens.
fn user_bearer(token: &Secret) -> Result<HeaderValue, InvalidRequest> {
    let segments = token.expose().split(|&b| b == b'.');
    let plain = |segment: &[u8]| {
        !segment.is_empty() && segment.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let well_formed =
        token.len() <= TOKEN_BYTES && segments.clone().count() == 3 && segments.clone().all(plain);
    if well_formed { bearer(token).ok_or(InvalidRequest::UserToken) } else { Err(InvalidRequest::UserToken) }
}

fn bearer(token: &Secret) -> Option<HeaderValue> {
    sensitive(&[b"Bearer ", token.expose()].concat())
}

/// A value that `Debug` does not print.
fn sensitive(bytes: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}
