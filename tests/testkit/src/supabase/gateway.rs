//! The gateway in front of a project: TLS, the check of `apikey`, and the way to the services behind.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;
use axum::{Router, body::Body, response::IntoResponse};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::{
    keys::{Keys, Role},
    seen::Seen,
    services,
};

/// The state of one gateway, shared by its connections.
pub(super) struct Gateway {
    pub(super) keys: Mutex<Keys>,
    pub(super) paused: AtomicBool,
    pub(super) seen: Seen,
    pub(super) objects: services::Objects,
    services: Router,
}

/// A body in JSON, and whether Supabase answers 401 or something else.
struct Refusal(StatusCode, &'static str, &'static str);

impl Gateway {
    pub(super) fn new(keys: Keys, postgrest: PathBuf) -> Arc<Self> {
        let objects = services::Objects::default();
        let services = services::router(&objects, &keys).nest_service("/rest/v1", rest(postgrest));
        Arc::new(Self {
            keys: Mutex::new(keys),
            paused: AtomicBool::new(false),
            seen: Seen::default(),
            objects,
            services,
        })
    }

    /// Serves a listener until the runtime ends or the task is aborted.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, tls: TlsAcceptor) {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(self.clone().serve_connection(stream, tls.clone()));
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, tls: TlsAcceptor) {
        let _ = stream.set_nodelay(true);
        let Ok(stream) = tls.accept(stream).await else { return };
        let answer = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            let gateway = self.clone();
            async move { Ok::<_, std::convert::Infallible>(gateway.answer(request.map(Body::new)).await) }
        });
        let server = auto::Builder::new(TokioExecutor::new()).http1_only();
        // A client that goes away is no failure.
        let _ = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(answer)).await;
    }

    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let watch = self.seen.note(&request);
        let response = match self.admit(&request) {
            Ok(authorization) => {
                request.headers_mut().remove("apikey");
                request.headers_mut().remove(header::AUTHORIZATION);
                request.headers_mut().extend(authorization.map(|value| (header::AUTHORIZATION, value)));
                self.services.clone().oneshot(request).await.into_response()
            }
            Err(Refusal(status, message, hint)) => {
                (status, axum::Json(json!({ "message": message, "hint": hint }))).into_response()
            }
        };
        watch.over(with_edge_headers(response))
    }

    /// Checks the key, and returns what the services get as `Authorization`.
    fn admit(&self, request: &Request<Body>) -> Result<Option<HeaderValue>, Refusal> {
        if self.paused.load(Ordering::Relaxed) {
            let status = StatusCode::from_u16(540).expect("540 is a status");
            return Err(Refusal(status, "Project paused", "Restore the project in the dashboard."));
        }
        let headers = request.headers();
        let key = text(headers, "apikey").ok_or(Refusal(
            StatusCode::UNAUTHORIZED,
            "No API key found in request",
            "No `apikey` request header or url param was found.",
        ))?;
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let role = keys.role_of(key).ok_or_else(|| unknown(key))?;
        refuse_in_browser(key, headers)?;
        refuse_schema(role, request)?;
        authorization(&keys, key, role, headers)
    }
}

fn unknown(key: &str) -> Refusal {
    if key.starts_with("sb_") {
        let hint = "Double check the provided API key as it is not registered for this project.";
        Refusal(StatusCode::UNAUTHORIZED, "Unregistered API key", hint)
    } else {
        let hint = "Double check your Supabase `anon` or `service_role` API key.";
        Refusal(StatusCode::UNAUTHORIZED, "Invalid API key", hint)
    }
}

fn refuse_in_browser(key: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let is_browser = text(headers, "user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"));
    if is_browser && key.starts_with("sb_secret_") {
        return Err(Refusal(
            StatusCode::UNAUTHORIZED,
            "Forbidden use of secret API key in browser",
            "Secret API keys can only be used in a protected environment and should never be used in a browser.",
        ));
    }
    Ok(())
}

/// The list of all tables is for secret keys only.
fn refuse_schema(role: Role, request: &Request<Body>) -> Result<(), Refusal> {
    if role == Role::Anon && request.uri().path().trim_end_matches('/') == "/rest/v1" {
        return Err(Refusal(
            StatusCode::UNAUTHORIZED,
            "Access to schema is forbidden",
            "Accessing the schema via the Data API is only allowed using a secret API key.",
        ));
    }
    Ok(())
}

/// An opaque key becomes its role's token, unless a user's token is sent with it. Beside a legacy key, `Authorization`
/// stays as it is: without one, PostgREST knows the role `anon` only.
fn authorization(
    keys: &Keys,
    key: &str,
    role: Role,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, Refusal> {
    let sent = headers.get(header::AUTHORIZATION);
    let bearer = text(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    match bearer {
        Some(bearer) if bearer.starts_with("sb_") && bearer != key => Err(unknown(bearer)),
        Some(bearer) if !bearer.starts_with("sb_") => Ok(sent.cloned()),
        _ if key.starts_with("sb_") => {
            let token = format!("Bearer {}", keys.token_of(role));
            Ok(Some(HeaderValue::try_from(token).expect("a token is a header's value")))
        }
        _ => Ok(sent.cloned()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What the network in front of a project adds to every answer, and nobody behind Postern needs.
fn with_edge_headers(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in [
        ("sb-gateway-version", "1"),
        ("sb-project-ref", "localhost"),
        ("set-cookie", "__cf_bm=bm; HttpOnly; Secure; Path=/"),
        ("access-control-allow-origin", "*"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Passes requests on to PostgREST on its socket, over connections that are kept.
fn rest(socket: PathBuf) -> Router {
    let connect = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        Box::pin(async move { UnixStream::connect(socket).await.map(TokioIo::new) })
    });
    // A connection for each request: PostgREST may close one that is kept just when a POST is sent on it, which nobody
    // may send again.
    let mut builder = Client::builder(TokioExecutor::new());
    let client: Client<_, Body> = builder.pool_max_idle_per_host(0).build(connect);
    Router::new().fallback(move |request: Request<Body>| pass(client.clone(), request))
}

async fn pass<C>(client: Client<C, Body>, mut request: Request<Body>) -> Response<Body>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = format!("http://postgrest{}{path}", if path.starts_with('/') { "" } else { "/" });
    *request.uri_mut() = uri.parse().expect("a path stays one behind another host");
    request.headers_mut().remove(header::HOST);
    request.headers_mut().remove(header::CONNECTION);
    let is_head = request.method() == Method::HEAD;
    match client.request(request).await {
        // Without its body, the answer to HEAD says nothing of its length by itself.
        Ok(response) if is_head => response.map(|_| Body::empty()),
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// A server's configuration with a certificate for `localhost`, and the PEM of the authority that signed it.
pub(super) fn certificate() -> Result<(TlsAcceptor, String)> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Supabase test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), issuer.pem()))
}
