//! Two RPCs with empty messages that do nothing: the upper bound of the stack.
//!
//! Served in a separate process: the unary one by the same code as crypto-service, with the same limits and
//! certificates, the streaming one in the clear by the same code as the edge; both without tokens, access rules or
//! gRPC-web.

use std::{
    convert::Infallible,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    task::{Context, Poll},
};

use anyhow::{Context as _, Result};
use futures_util::{future::BoxFuture, stream};
use postern_chassis::{
    Lifecycle, TrustedProxies, cors,
    lifecycle::StopTimes,
    mtls::{CryptoChannel, ServerTls},
    server,
};
use postern_rpc::codec::MessageCodec;
use tonic::{
    Response,
    body::Body,
    server::{Grpc, NamedService},
    service::Routes,
    transport::{Channel, Endpoint},
};
use tower::{Service, service_fn};

use super::{
    postern::{internal_channel, tls_files},
    process::Process,
};

/// The path of the unary RPC.
pub(crate) const METHOD: &str = "/postern.bench.v1.EmptyService/Call";

/// The path of the streaming RPC, which returns one message.
pub(crate) const STREAM: &str = "/postern.bench.v1.EmptyService/Stream";

/// A running server.
pub(crate) struct EmptyRpc {
    url: String,
    edge_url: String,
    certificates: PathBuf,
    _process: Process,
}

impl EmptyRpc {
    /// Starts another instance of this program as the server.
    pub(super) async fn start(folder: &Path, certificates: PathBuf) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-empty").arg(&certificates);
        let (process, urls) = Process::start(command, "ready:", folder).await?;
        let (url, edge_url) = urls.split_once(' ').context("two addresses")?;
        Ok(Self { url: url.to_owned(), edge_url: edge_url.to_owned(), certificates, _process: process })
    }

    /// A channel to it, like the one from connection-service to crypto-service.
    pub(crate) fn channel(&self) -> Result<CryptoChannel> {
        internal_channel(&self.url, &self.certificates, "connection-service")
    }

    /// A channel to it in the clear, like a caller's to the edge.
    pub(crate) async fn edge_channel(&self) -> Result<Channel> {
        Ok(Endpoint::from_shared(self.edge_url.clone())?.connect().await?)
    }
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(certificates: &Path) -> Result<()> {
    let tls = ServerTls::load(&tls_files(certificates, "crypto-service")?)?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (internal, edge) = (server::bind(any_port).await?, server::bind(any_port).await?);
    writeln!(std::io::stdout(), "ready: https://{} http://{}", internal.local_addr()?, edge.local_addr()?)?;
    let (life, rpcs) =
        (Lifecycle::until_signalled(StopTimes::default())?, Routes::new(EmptyService).prepare());
    let router = rpcs.clone().into_axum_router();
    let clear = server::serve_edge(edge, router, cors::layer(&[])?, TrustedProxies::default(), life.clone());
    let mutual = server::serve_internal(internal, rpcs, tls, life);
    tokio::try_join!(Box::pin(clear), Box::pin(mutual))?;
    Ok(())
}

#[derive(Clone)]
struct EmptyService;

impl NamedService for EmptyService {
    const NAME: &str = "postern.bench.v1.EmptyService";
}

impl Service<http::Request<Body>> for EmptyService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = Grpc::new(MessageCodec::<(), ()>::default());
        Box::pin(async move {
            if request.uri().path() == STREAM {
                let answer =
                    service_fn(async |_: tonic::Request<()>| Ok(Response::new(stream::iter([Ok(())]))));
                return Ok(grpc.server_streaming(answer, request).await);
            }
            let answer = service_fn(async |_: tonic::Request<()>| Ok(Response::new(())));
            Ok(grpc.unary(answer, request).await)
        })
    }
}
