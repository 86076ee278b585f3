//! HTTP/1.1 over one stream, driven by the task that waits for an answer.
//!
//! It has no task of its own. Nothing is read from the stream unless a caller waits for it, so memory is bounded by one
//! buffer, and dropping the link closes the stream at once.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http1::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::SupabaseError;

/// Bytes that are read ahead. A chunk of a body is at most twice as long, because hyper doubles its buffer.
const BUFFER_BYTES: usize = 64 * 1024;

/// Bytes of an answer's head, or of its trailers, and the headers in it.
const HEAD_BYTES: usize = 32 * 1024;
const HEADERS: usize = 100;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// One connection, and the sender of its requests.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// Moves bytes between the stream and the requests. `None` once the connection has ended.
    driver: Option<Driver>,
}

impl Link {
    pub(super) async fn new<S>(stream: S) -> Result<Self, SupabaseError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        builder.max_buf_size(BUFFER_BYTES).max_header_size(HEAD_BYTES).max_headers(HEADERS);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|_| SupabaseError::Protocol)?;
        Ok(Self { sender, driver: Some(Box::pin(connection)) })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, SupabaseError> {
        beside(&mut self.driver, self.sender.ready()).await.map_err(|_| SupabaseError::Unsent)?;
        let answering = self.sender.try_send_request(request);
        beside(&mut self.driver, answering).await.map_err(|mut failed| match failed.take_message() {
            Some(_) => SupabaseError::Unsent,
            None => failure_of(failed.error()),
        })
    }

    /// Waits for a result of the connection.
    pub(super) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> T {
        beside(&mut self.driver, work).await
    }

    /// Polls the connection once, without waiting. Returns whether it is still open.
    pub(super) fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        poll_driver(&mut self.driver, &mut context);
        self.driver.is_some() && !self.sender.is_closed()
    }
}

/// Drives the connection while `work` is pending. When the connection ends, `work` ends too.
async fn beside<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        // While it is pending, the connection itself wakes this task when it has something for `work`.
        if poll_driver(driver, context) { work.as_mut().poll(context) } else { Poll::Pending }
    })
    .await
}

/// Returns whether the connection has just ended. Its requests get the reason.
fn poll_driver(driver: &mut Option<Driver>, context: &mut Context<'_>) -> bool {
    let ended = driver.as_mut().is_some_and(|driver| driver.as_mut().poll(context).is_ready());
    if ended {
        *driver = None;
    }
    ended
}

pub(super) fn failure_of(error: &hyper::Error) -> SupabaseError {
    if error.is_parse_too_large() {
        SupabaseError::HeadTooLarge
    } else if error.is_parse() {
        SupabaseError::Protocol
    } else {
        SupabaseError::Closed
    }
}
