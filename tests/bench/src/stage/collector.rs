//! A collector of traces in a process of its own, in the place of an operator's OpenTelemetry Collector.

use std::{io::Write, net::Ipv4Addr, path::Path, process::Command};

use anyhow::Result;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use postern_chassis::{Lifecycle, lifecycle::StopTimes};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use super::process::Process;

/// A running collector.
pub(crate) struct Collector {
    /// Where OTLP over gRPC is taken.
    pub url: String,
    _process: Process,
}

impl Collector {
    /// Starts another instance of this program as the collector.
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-collector");
        let (process, url) = Process::start(command, "ready:", folder).await?;
        Ok(Self { url, _process: process })
    }
}

/// Serves until the process is asked to stop.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout(), "ready: http://{}", listener.local_addr()?)?;
    let stopping = Lifecycle::until_signalled(StopTimes::default())?.into_stopping();
    let server = Server::builder().add_service(TraceServiceServer::new(Discard));
    Ok(server.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopping).await?)
}

/// Takes spans and forgets them.
struct Discard;

#[tonic::async_trait]
impl TraceService for Discard {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
