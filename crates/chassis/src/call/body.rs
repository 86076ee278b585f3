//! The body of every response: it notices how the call ends, and can be cut.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame};
use tonic::{Code, Status, body::Body};

use super::{
    Call, Shared,
    answer::Next,
    outcome::{self, Ending, Outcome},
};

/// The response body of one call. Dropped before its end, it says that the caller went away.
pub struct CallBody(Call);

type Polled = Poll<Option<Result<Frame<Bytes>, Status>>>;

impl CallBody {
    pub(super) fn new(call: Call, body: Body) -> Self {
        call.0.answer.start(body);
        Self(call)
    }
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let shared = &*self.0.0;
        match shared.answer.next() {
            Next::Frame(bytes) => shared.hand_out(bytes),
            Next::Poll(body) => shared.poll(body, cx),
            Next::Ended => Poll::Ready(None),
            Next::Cut => cut(),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.0.answer.is_ended()
    }
}

impl Drop for CallBody {
    fn drop(&mut self) {
        let shared = &*self.0.0;
        // What the handler's body still knows, it may add to the facts when it is dropped.
        shared.span.in_scope(|| shared.answer.end());
        shared.abandon();
        shared.release();
    }
}

impl Shared {
    fn poll(&self, mut body: Body, cx: &mut Context<'_>) -> Polled {
        // The handler's code runs inside the span; the line about the end, which has its fields already, is written
        // outside.
        let poll = AssertUnwindSafe(|| Pin::new(&mut body).poll_frame(cx));
        let polled = self.span.in_scope(|| catch_unwind(poll));
        match polled {
            Ok(Poll::Pending) => self.answer.wait(body, cx.waker()).map_or_else(cut, |()| Poll::Pending),
            Ok(Poll::Ready(Some(Ok(frame)))) => self.frame(body, frame),
            Ok(Poll::Ready(Some(Err(status)))) => {
                self.span.in_scope(|| drop(body));
                self.end_body(&Ending::answered(&status));
                Poll::Ready(Some(Err(status)))
            }
            Ok(Poll::Ready(None)) => {
                self.span.in_scope(|| drop(body));
                self.end_body(&Ending::of(Outcome::Error, Code::Unknown));
                Poll::Ready(None)
            }
            Err(panic) => {
                self.span.in_scope(|| outcome::drop_panicked(body));
                Poll::Ready(Some(Ok(Frame::trailers(self.panicked(&*panic)))))
            }
        }
    }

    fn frame(&self, body: Body, frame: Frame<Bytes>) -> Polled {
        match frame.into_data() {
            Ok(data) => match self.answer.split(body, data) {
                Some(bytes) => self.hand_out(bytes),
                None => cut(),
            },
            Err(frame) => {
                self.span.in_scope(|| drop(body));
                let status = frame.trailers_ref().and_then(Status::from_header_map);
                let status = status.unwrap_or_else(|| Status::unknown(""));
                self.end_body(&Ending::answered(&status));
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn hand_out(&self, bytes: Bytes) -> Polled {
        self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn end_body(&self, ending: &Ending<'_>) {
        self.answer.end();
        self.end(&ending.sent(self.sent.load(Ordering::Relaxed)));
    }

    /// Ends a stream that panicked with a status of its own, so that the connection lives on.
    fn panicked(&self, panic: &(dyn std::any::Any + Send)) -> HeaderMap {
        let status = outcome::of_panic(panic);
        let mut trailers = HeaderMap::new();
        let _ = status.add_header(&mut trailers);
        self.end_body(&Ending::panicked(&status));
        trailers
    }
}

fn cut() -> Polled {
    Poll::Ready(Some(Err(Status::deadline_exceeded("The result was not read in time."))))
}
