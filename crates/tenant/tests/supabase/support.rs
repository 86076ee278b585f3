//! A project on loopback, with a certificate of an authority of its own.

use std::{sync::Arc, time::Duration};

use postern_domain::{
    AccessMode, CaBundle, Secret,
    supabase::{ProjectUrl, ServingKey, SupabaseEndpoint, SupabaseKey},
};
use postern_egress::{Dialer, Policy, SystemResolver};
use postern_tenant::supabase::{self, Bounds, Request, Response, SupabaseConnection, SupabaseError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(crate) const PUBLISHABLE: &str = "sb_publishable_0123456789abcdefghijkl_01234567";
pub(crate) const SECRET: &str = "sb_secret_0123456789abcdefghijkl_76543f2a";
/// `{"alg":"HS256"}`, `{"role":"anon"}`, and a signature that nobody checks.
pub(crate) const ANON: &str = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl";

/// A project that takes connections.
pub(crate) struct Project {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pub(crate) endpoint: SupabaseEndpoint,
}

impl Project {
    /// A project whose certificate is for 127.0.0.1, and an endpoint that may write to it.
    pub(crate) async fn start() -> Self {
        Self::with_name("127.0.0.1").await
    }

    /// The same with a certificate for another name.
    pub(crate) async fn with_name(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (acceptor, ca) = certificate(name);
        let url = ProjectUrl::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
        let mut endpoint = SupabaseEndpoint::new(url);
        endpoint.ca = CaBundle::parse(&ca).unwrap();
        endpoint.access_mode = AccessMode::ReadWrite;
        Self { listener, acceptor, endpoint }
    }

    /// Connects with a key, and gives both ends.
    pub(crate) async fn open(&self, key: &str) -> (SupabaseConnection, Peer) {
        let (connection, peer) = tokio::join!(connect(&self.endpoint, key), self.accept());
        (connection.unwrap(), peer.unwrap())
    }

    /// The project's end of the next connection.
    pub(crate) async fn accept(&self) -> Result<Peer, std::io::Error> {
        let (stream, _) = self.listener.accept().await.unwrap();
        Ok(Peer(self.acceptor.accept(stream).await?))
    }
}

pub(crate) fn certificate(name: &str) -> (TlsAcceptor, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::from_params(&params, &authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into());
    (TlsAcceptor::from(Arc::new(config.unwrap())), authority.pem())
}

pub(crate) async fn connect(
    endpoint: &SupabaseEndpoint,
    key: &str,
) -> Result<SupabaseConnection, SupabaseError> {
    let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
    supabase::connect(&dialer, endpoint, &parse(key), soon()).await
}

pub(crate) fn parse(key: &str) -> SupabaseKey {
    SupabaseKey::parse(&Secret::from_text(key.to_owned())).unwrap_or_else(|error| panic!("{error}"))
}

/// The project's end of a connection.
pub(crate) struct Peer(pub(crate) TlsStream<TcpStream>);

impl Peer {
    /// A request's head.
    pub(crate) async fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Answers one request with these bytes, and gives the request's head.
    pub(crate) async fn answer(&mut self, bytes: impl AsRef<[u8]>) -> String {
        let head = self.read_head().await;
        self.send(bytes).await;
        head
    }

    /// Waits until the other end has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let mut rest = [0; 1024];
        let closing = async { while matches!(self.0.read(&mut rest).await, Ok(1..)) {} };
        timeout_at(soon(), closing).await.expect("the other end closes");
    }
}

/// A deadline that no test is meant to reach.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub(crate) fn bounds() -> Bounds {
    Bounds { head: soon(), deadline: soon(), body_bytes: 1 << 20 }
}

/// Bounds that pass in a moment.
pub(crate) fn short() -> Bounds {
    let deadline = Instant::now() + Duration::from_millis(100);
    Bounds { head: deadline, deadline, ..bounds() }
}

/// Sends a request, has it answered with these bytes, and gives the whole body, too.
pub(crate) async fn exchange(
    connection: &mut SupabaseConnection,
    peer: &mut Peer,
    request: &Request,
    answer: impl AsRef<[u8]>,
) -> Result<(u16, Vec<(&'static str, String)>, String), SupabaseError> {
    let bounds = bounds();
    let (response, _) = tokio::join!(connection.send(request, &bounds), peer.answer(answer));
    let mut response = response?;
    let (status, headers) = (response.status(), response.headers().to_vec());
    Ok((status, headers, text(&mut response).await?))
}

/// The rest of a body.
pub(crate) async fn text(response: &mut Response<'_>) -> Result<String, SupabaseError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.next_chunk().await? {
        assert!(!chunk.is_empty());
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(body).unwrap())
}

/// An endpoint that serves with the secret key and passes the user's token on.
pub(crate) fn for_users(endpoint: &SupabaseEndpoint) -> SupabaseEndpoint {
    SupabaseEndpoint { serving: ServingKey::Secret, pass_user_token: true, ..endpoint.clone() }
}
