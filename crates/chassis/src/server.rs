//! Serving: the edge in the clear behind an ingress, the inside over mutual TLS.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use tokio::net::{TcpListener, TcpSocket};
use tonic::{body::Body, service::Routes, transport::Server};
use tower::{BoxError, Service, util::MapRequestLayer};
use tower_http::cors::CorsLayer;

use crate::{
    Lifecycle, TrustedProxies, accept,
    lifecycle::ENDING,
    mtls::{self, ServerTls},
};

/// Serves gRPC and gRPC-web, and whatever else `router` holds, in the clear.
pub async fn serve_edge(
    listener: TcpListener,
    router: Router,
    cors: CorsLayer,
    proxies: TrustedProxies,
    life: Lifecycle,
) -> Result<()> {
    let router = router.layer(MapRequestLayer::new(move |request| proxies.locate(request)));
    let mut server = bounded().accept_http1(true).layer(cors);
    let service = server.add_routes(Routes::from(router));
    drained(
        service.serve_with_incoming_shutdown(accept::connections(listener), life.clone().into_stopping()),
        &life,
    )
    .await
}

/// Age at which a connection of the inside is closed, so that its peer has to show its certificate again.
const CONNECTION_AGE: Duration = Duration::from_mins(10);

/// Serves gRPC over mutual TLS. A peer without a certificate of the trust domain does not get past the handshake. One
/// whose certificate has expired since, or whose authority is no longer trusted, makes no new call after ten minutes.
pub async fn serve_internal<S, B>(
    listener: TcpListener,
    service: S,
    tls: ServerTls,
    life: Lifecycle,
) -> Result<()>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    serve_aging(listener, service, tls, life, CONNECTION_AGE).await
}

/// [`serve_internal`] with another age at which connections are closed, once their calls have ended.
async fn serve_aging<S, B>(
    listener: TcpListener,
    service: S,
    tls: ServerTls,
    life: Lifecycle,
    age: Duration,
) -> Result<()>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    tokio::spawn(tls.clone().follow(life.clone()));
    let peers = mtls::incoming(listener, tls);
    let stopping = life.clone().into_stopping();
    // Without a grace period: with one, tonic 0.14 cuts the connection without a GOAWAY before.
    let server = bounded().max_connection_age(age);
    drained(server.serve_with_incoming_shutdown(service, peers, stopping), &life).await
}

/// The bounds of every server: what one peer may open, send, or leave idle.
fn bounded() -> Server {
    Server::builder()
        .max_concurrent_streams(256)
        .http2_max_pending_accept_reset_streams(Some(20))
        .http2_max_local_error_reset_streams(Some(64))
        .http2_max_header_list_size(32 * 1024)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
}

/// Waits for the server. When the drain is over, the services end their calls, and the connections have little time
/// left.
async fn drained(
    served: impl Future<Output = Result<(), tonic::transport::Error>>,
    life: &Lifecycle,
) -> Result<()> {
    let cut = async {
        life.overdue().await;
        tracing::warn!("calls were still running at the end of the drain; they are being ended");
        tokio::time::sleep(ENDING).await;
    };
    tokio::select! {
        outcome = served => outcome.context("the server failed"),
        () = cut => Ok(()),
    }
}

/// A TCP address that is taken, but does not accept connections yet: until the service can answer, a load balancer's
/// connection is refused at once instead of waiting.
pub struct Reserved(TcpSocket);

/// Connections that the system keeps until they are accepted; Linux bounds it by `net.core.somaxconn`.
const BACKLOG: u32 = 1024;

impl Reserved {
    /// Takes the address; the error names it.
    pub fn take(address: SocketAddr) -> Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let taken = socket.and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(Self(socket))
        });
        taken.with_context(|| format!("cannot listen on {address}"))
    }

    /// Accepts connections from now on.
    pub fn listen(self) -> Result<TcpListener> {
        let address = self.0.local_addr()?;
        self.0.listen(BACKLOG).with_context(|| format!("cannot listen on {address}"))
    }
}

/// Binds a listener; the error names the address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
