//! An RPC with an empty request and response that does nothing: the upper bound of the stack.
//!
//! Served in a separate process by the same code as crypto-service, with the same limits and certificates, but
//! without tokens, access rules or gRPC-web.

use std::{
    convert::Infallible,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    task::{Context, Poll},
};

use anyhow::Result;
use futures_util::future::BoxFuture;
use postern_chassis::{Lifecycle, lifecycle::StopTimes, mtls::ServerTls, server};
use postern_rpc::codec::MessageCodec;
use tonic::{
    Response,
    body::Body,
    server::{Grpc, NamedService},
    service::Routes,
    transport::Channel,
};
use tower::{Service, service_fn};

use super::{
    postern::{internal_channel, tls_files},
    process::Process,
};

/// The path of the RPC.
pub(crate) const METHOD: &str = "/postern.bench.v1.EmptyService/Call";

/// A running server.
pub(crate) struct EmptyRpc {
    url: String,
    certificates: PathBuf,
    _process: Process,
}

impl EmptyRpc {
    /// Starts another instance of this program as the server.
    pub(super) async fn start(folder: &Path, certificates: PathBuf) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-empty").arg(&certificates);
        let (process, url) = Process::start(command, "ready:", folder).await?;
        Ok(Self { url, certificates, _process: process })
    }

    /// A channel to it, like the one from connection-service to crypto-service.
    pub(crate) fn channel(&self) -> Result<Channel> {
        internal_channel(&self.url, &self.certificates, "connection-service")
    }
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve(certificates: &Path) -> Result<()> {
    let tls = ServerTls::load(&tls_files(certificates, "crypto-service")?)?;
    let listener = server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    writeln!(std::io::stdout(), "ready: https://{}", listener.local_addr()?)?;
    server::serve_internal(
        listener,
        Routes::new(EmptyService).prepare(),
        tls,
        Lifecycle::until_signalled(StopTimes::default())?,
    )
    .await
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
        let answer = service_fn(async |_: tonic::Request<()>| Ok(Response::new(())));
        Box::pin(async move { Ok(Grpc::new(MessageCodec::<(), ()>::default()).unary(answer, request).await) })
    }
}
