//! A collector of traces, as an operator's OpenTelemetry Collector is one.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::runtime;

/// Takes OTLP over gRPC, and keeps every span.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

impl Collector {
    /// Starts one; returns its URL too.
    pub async fn start() -> (Self, String) {
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let started = runtime::shared().spawn(async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
            let url = format!("http://{}", listener.local_addr().expect("it is bound"));
            let server = Server::builder().add_service(service);
            tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
            url
        });
        (collector, started.await.expect("the start does not panic"))
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().expect("nothing panics under it");
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Everything that was received, as text to search in; without ids and times, whose digits may be any.
    pub fn text(&self) -> String {
        let mut requests = self.0.lock().expect("nothing panics under it").clone();
        let resources = requests.iter_mut().flat_map(|request| &mut request.resource_spans);
        for span in
            resources.flat_map(|resource| &mut resource.scope_spans).flat_map(|scope| &mut scope.spans)
        {
            let Span { name, attributes, events, status, trace_state, .. } = std::mem::take(span);
            *span = Span { name, attributes, events, status, trace_state, ..Span::default() };
        }
        format!("{requests:?}")
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().expect("nothing panics under it").push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
