//! How calls end, over real sockets.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::BoxFuture, stream};
use http_body::Frame;
use postern_rpc::proxy::{
    Batch, ColumnData, ForwardRequest, ForwardResponse, Header, QueryRequest, QueryResponse,
    proxy_service_client::ProxyServiceClient,
    proxy_service_server::{ProxyService, ProxyServiceServer},
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Streaming,
    body::Body,
    service::Routes,
    transport::{Channel, Server},
};
use tower::{Layer, Service, service_fn};

use super::*;
use crate::test_log;

/// Far more than anything here takes.
const LONG: Duration = Duration::from_secs(30);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Does what the request's SQL names, and hands its calls to the test.
struct Proxy(mpsc::UnboundedSender<Call>);

type Parts = Pin<Box<dyn Stream<Item = Result<QueryResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ProxyService for Proxy {
    type ForwardStream = Pin<Box<dyn Stream<Item = Result<ForwardResponse, Status>> + Send>>;

    async fn forward(&self, _: Request<ForwardRequest>) -> Result<Response<Self::ForwardStream>, Status> {
        Err(Status::unimplemented("no test forwards"))
    }

    type QueryStream = Parts;

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<Parts>, Status> {
        let call = call(&request);
        self.0.send(call.clone()).unwrap();
        tracing::info!("in the handler");
        let parts: Parts = match request.into_inner().sql.as_str() {
            "ok" => {
                call.facts(|facts| (facts.rows, facts.lookup) = (3, Some(Duration::from_micros(7))));
                Box::pin(stream::iter([Ok(header())]))
            }
            "refuse" => return Err(Problem::field("sql", "no such SQL").into()),
            "break" => return Err(Problem::internal("a wheel came off").into()),
            "break later" => Box::pin(stream::iter([
                Ok(header()),
                Err(call.failed(Problem::internal("a wheel came off"))),
            ])),
            "panic" => panic!("in the handler"),
            "panic later" => Box::pin(stream::iter([()]).map(|()| panic!("in the stream"))),
            "endless" => Box::pin(stream::iter([Ok(header())]).chain(stream::pending())),
            "long" => Box::pin(stream::iter([Ok(long())])),
            other => panic!("{other}"),
        };
        Ok(Response::new(parts))
    }
}

fn header() -> QueryResponse {
    QueryResponse { header: Some(Header::default()), ..QueryResponse::default() }
}

/// A message of three frames.
fn long() -> QueryResponse {
    let column = ColumnData { nulls: vec![7; 5 * answer::FRAME_BYTES / 2], ..ColumnData::default() };
    let batch = Some(Batch { row_count: 1, columns: vec![column] });
    QueryResponse { batch, ..QueryResponse::default() }
}

/// A server, its client, and the calls that have reached the handler.
struct Running {
    client: ProxyServiceClient<Channel>,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Running {
    async fn start() -> Self {
        test_log::start();
        let (sender, calls) = mpsc::unbounded_channel();
        let routes = Routes::new(ProxyServiceServer::new(Proxy(sender))).prepare();
        // Boxed as the gate's is.
        let service = service_fn(move |request| {
            let mut routes = routes.clone();
            Box::pin(async move { routes.call(request).await }) as BoxFuture<'static, _>
        });
        let channel = serve(CallLayer.layer(service)).await;
        Self { client: ProxyServiceClient::new(channel), calls }
    }

    async fn query(&mut self, sql: &str) -> Result<Response<Streaming<QueryResponse>>, Status> {
        self.send(request(sql)).await
    }

    async fn send(
        &mut self,
        request: Request<QueryRequest>,
    ) -> Result<Response<Streaming<QueryResponse>>, Status> {
        timeout(LONG, self.client.query(request)).await.expect("an answer")
    }
}

fn request(sql: &str) -> Request<QueryRequest> {
    Request::new(QueryRequest { sql: sql.to_owned(), ..QueryRequest::default() })
}

async fn serve<S, B>(service: S) -> Channel
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: http_body::Body<Data = Bytes, Error = Status> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let incoming = TcpListenerStream::new(listener);
    tokio::spawn(Server::builder().serve_with_incoming(service, incoming));
    Channel::from_shared(url).unwrap().connect().await.unwrap()
}

async fn drain(answer: Result<Response<Streaming<QueryResponse>>, Status>) -> Result<usize, Status> {
    let mut parts = answer?.into_inner();
    let mut count = 0;
    while let Some(_part) = timeout(LONG, parts.message()).await.expect("a part or the end")? {
        count += 1;
    }
    Ok(count)
}

async fn ended() -> serde_json::Value {
    timeout(LONG, test_log::ended()).await.expect("a line for the call")
}

#[tokio::test]
async fn the_callers_request_id_is_returned_and_marks_every_line_of_the_call() {
    let mut running = Running::start().await;
    let mut request = request("ok");
    request.metadata_mut().insert("x-request-id", "web-1".parse().unwrap());
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01").parse().unwrap());
    let answer = running.send(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "web-1");
    assert_eq!(drain(Ok(answer)).await.unwrap(), 1);

    let line = ended().await;
    assert_eq!((line["request_id"].as_str(), line["trace_id"].as_str()), (Some("web-1"), Some(TRACE)));
    let lines = test_log::lines();
    let handler = lines.iter().find(|line| line["message"] == "in the handler").unwrap();
    assert_eq!(
        (handler["span"]["request_id"].as_str(), handler["span"]["trace_id"].as_str()),
        (Some("web-1"), Some(TRACE))
    );
}

#[tokio::test]
async fn a_malformed_request_id_is_replaced_and_never_logged() {
    let mut running = Running::start().await;
    let mut request = request("refuse");
    request.metadata_mut().insert("x-request-id", "canary\\u0007 1".parse().unwrap());
    let refusal = running.send(request).await.unwrap_err();
    let id = refusal.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    assert_eq!((id.len(), ended().await["request_id"].as_str()), (32, Some(id.as_str())));
    assert!(test_log::lines().iter().all(|line| !line.to_string().contains("canary")));
}

#[tokio::test]
async fn a_call_passes_its_ids_on() {
    let mut running = Running::start().await;
    let mut first = request("ok");
    first.metadata_mut().insert("x-request-id", "web-1".parse().unwrap());
    running.send(first).await.unwrap();
    let mut next = request("ok");
    running.calls.recv().await.unwrap().propagate(&mut next);
    let answer = running.send(next).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "web-1");
}

#[tokio::test]
async fn a_call_that_is_answered_has_one_line_with_its_facts() {
    let mut running = Running::start().await;
    drain(running.query("ok").await).await.unwrap();
    let line = ended().await;
    assert_eq!(
        (line["level"].as_str(), line["outcome"].as_str(), line["code"].as_str()),
        (Some("INFO"), Some("ok"), Some("Ok"))
    );
    assert_eq!(line["method"], "postern.proxy.v1.ProxyService/Query");
    assert_eq!((line["rows"].as_u64(), line["lookup_us"].as_u64()), (Some(3), Some(7)));
    assert!(line["bytes"].as_u64() > Some(0) && line["duration_us"].is_u64(), "{line}");
    assert!(line.get("cause").is_none() && line.get("reason").is_none(), "{line}");
    assert!(line.get("span").is_none(), "the span repeats what the line has: {line}");
}

#[tokio::test]
async fn an_error_of_the_caller_is_logged_with_its_reason() {
    let mut running = Running::start().await;
    running.query("refuse").await.unwrap_err();
    let line = ended().await;
    assert_eq!((line["level"].as_str(), line["outcome"].as_str()), (Some("INFO"), Some("error")));
    assert_eq!(
        (line["code"].as_str(), line["reason"].as_str()),
        (Some("InvalidArgument"), Some("INVALID_FIELD"))
    );
    assert!(line.get("span").is_none(), "the span repeats what the line has: {line}");
    assert!(!line.to_string().contains("no such SQL"), "{line}");
}

#[tokio::test]
async fn a_defect_is_logged_with_its_cause_which_the_caller_does_not_see() {
    for sql in ["break", "break later"] {
        let mut running = Running::start().await;
        let status = drain(running.query(sql).await).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("wheel"), "{status:?}");
        let line = ended().await;
        assert_eq!(
            (line["level"].as_str(), line["outcome"].as_str()),
            (Some("ERROR"), Some("error")),
            "{sql}"
        );
        assert_eq!(
            (line["reason"].as_str(), line["cause"].as_str()),
            (Some("INTERNAL"), Some("a wheel came off"))
        );
        test_log::clear();
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_is_noticed() {
    let mut running = Running::start().await;
    let mut parts = running.query("endless").await.unwrap().into_inner();
    parts.message().await.unwrap();
    drop(parts);
    let line = ended().await;
    assert_eq!((line["outcome"].as_str(), line["code"].as_str()), (Some("cancelled"), Some("Cancelled")));
}

#[tokio::test]
async fn a_call_whose_deadline_passes_is_logged_as_that() {
    test_log::start();
    let hang = service_fn(|_| {
        Box::pin(std::future::pending()) as BoxFuture<'static, Result<http::Response<Body>, _>>
    });
    let request = http::Request::post("/postern.proxy.v1.ProxyService/Query").header("grpc-timeout", "1n");
    let request = request.body(Body::empty()).unwrap();
    // tonic drops the handler at the deadline.
    drop(CallLayer.layer(hang).call(request));
    let line = ended().await;
    assert_eq!(
        (line["outcome"].as_str(), line["code"].as_str()),
        (Some("timeout"), Some("DeadlineExceeded"))
    );
}

#[tokio::test]
async fn a_panic_ends_its_own_call_and_the_connection_lives_on() {
    let mut running = Running::start().await;
    let mut other = running.query("endless").await.unwrap().into_inner();
    other.message().await.unwrap();
    for sql in ["panic", "panic later"] {
        let status = drain(running.query(sql).await).await.unwrap_err();
        assert_eq!((status.code(), status.message().contains("in the")), (Code::Internal, false), "{sql}");
        let line = ended().await;
        assert_eq!(
            (line["level"].as_str(), line["outcome"].as_str()),
            (Some("ERROR"), Some("panicked")),
            "{sql}"
        );
        test_log::clear();
    }
    let next = other.message();
    assert!(
        timeout(Duration::from_millis(1), next).await.is_err(),
        "the other call of the connection has ended"
    );
}

#[tokio::test]
async fn what_a_call_holds_goes_with_its_response_body() {
    let mut running = Running::start().await;
    let held = Arc::new(());
    let parts = running.query("endless").await.unwrap().into_inner();
    let call = running.calls.recv().await.unwrap();
    call.hold(held.clone());
    assert_eq!(Arc::strong_count(&held), 2);
    drop(parts);
    ended().await;
    let released = async {
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, released).await.expect("the permit to be released");
    call.hold(held.clone());
    assert_eq!(Arc::strong_count(&held), 1, "held for a call that has ended");
}

#[tokio::test]
async fn a_long_message_arrives_whole() {
    let mut running = Running::start().await;
    let mut parts = running.query("long").await.unwrap().into_inner();
    assert_eq!(parts.message().await.unwrap(), Some(long()));
    assert_eq!(parts.message().await.unwrap(), None);
    assert_eq!(ended().await["outcome"], "ok");
}

#[tokio::test]
async fn a_cut_ends_a_body_that_waits() {
    let mut running = Running::start().await;
    let mut parts = running.query("endless").await.unwrap().into_inner();
    parts.message().await.unwrap();
    running.calls.recv().await.unwrap().cut();
    timeout(LONG, parts.message()).await.expect("the end of the stream").unwrap_err();
    assert_eq!(ended().await["outcome"], "timeout");
}

/// A response of one frame of 8 MiB and no end. Tells when the frame, and when the body, is freed.
struct Big(Arc<Memory>);

#[derive(Default)]
struct Memory {
    handed_out: AtomicBool,
    freed: AtomicUsize,
}

struct BigFrame(Arc<Memory>, Vec<u8>);

impl http_body::Body for Big {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.0.handed_out.swap(true, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let frame = BigFrame(self.0.clone(), vec![0; 8 << 20]);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(frame)))))
    }
}

impl AsRef<[u8]> for BigFrame {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for BigFrame {
    fn drop(&mut self) {
        self.0.freed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Big {
    fn drop(&mut self) {
        self.0.freed.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_cut_frees_what_is_queued_for_a_reader_that_has_stalled() {
    test_log::start();
    let memory = Arc::new(Memory::default());
    let (sender, mut calls) = mpsc::unbounded_channel();
    let body = memory.clone();
    let service = service_fn(move |request: http::Request<Body>| {
        sender.send(request.extensions().get::<Call>().unwrap().clone()).unwrap();
        let response = http::Response::builder().header("content-type", "application/grpc");
        let response = response.body(Body::new(Big(body.clone()))).unwrap();
        Box::pin(async move { Ok(response) }) as BoxFuture<'static, _>
    });
    let channel = serve(CallLayer.layer(service)).await;
    let stalled = ProxyServiceClient::new(channel).query(request("")).await.unwrap();
    let call = calls.recv().await.unwrap();
    let mut sent = 0;
    // Until the peer's window is full, and for some time after that.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        sent = call.0.sent.load(Ordering::Relaxed);
    }
    assert!((1..8 << 20).contains(&sent), "the reader has not stalled: {sent}");
    assert_eq!(memory.freed.load(Ordering::SeqCst), 0);

    call.cut();
    assert_eq!(memory.freed.load(Ordering::SeqCst), 2, "the frame and the body");
    let line = ended().await;
    assert_eq!((line["outcome"].as_str(), line["bytes"].as_u64()), (Some("timeout"), Some(sent)));
    drop(stalled);
}
