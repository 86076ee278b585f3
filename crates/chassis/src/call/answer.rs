//! The part of a response body that a call can free while nobody polls the body.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use bytes::{Buf, Bytes};
use tonic::body::Body;

/// The longest frame that is handed out. While a peer's window is closed, HTTP/2 keeps the frame it was handed last,
/// and nothing here can free that one.
pub(super) const FRAME_BYTES: usize = 64 * 1024;

/// A handler's response body, and what is left of its last frame.
#[derive(Default)]
pub(super) struct Answer(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    /// `None` while it is being polled, and after the end.
    body: Option<Body>,
    /// The rest of a frame that is longer than [`FRAME_BYTES`].
    rest: Bytes,
    /// The task that waits for the next frame.
    waiting: Option<Waker>,
    cut: bool,
    ended: bool,
}

/// What the response body does next.
pub(super) enum Next {
    Frame(Bytes),
    /// Poll this body, and hand it back.
    Poll(Body),
    Ended,
    Cut,
}

impl Answer {
    /// The body of the response; dropped at once if the call was cut before.
    pub(super) fn start(&self, body: Body) {
        let mut queue = self.lock();
        if queue.cut {
            drop(queue);
            drop(body);
        } else {
            queue.body = Some(body);
        }
    }

    pub(super) fn next(&self) -> Next {
        let mut queue = self.lock();
        if queue.cut {
            return Next::Cut;
        }
        if !queue.rest.is_empty() {
            return Next::Frame(piece(&mut queue.rest));
        }
        queue.body.take().map_or(Next::Ended, Next::Poll)
    }

    /// Takes back the body, which will wake `waiting`. `None` if the call was cut while the body was polled.
    pub(super) fn wait(&self, body: Body, waiting: &Waker) -> Option<()> {
        self.take_back(body, |queue| match &mut queue.waiting {
            Some(known) => known.clone_from(waiting),
            none => *none = Some(waiting.clone()),
        })
    }

    /// Takes back the body after it has yielded `frame`, and says what to hand out of that: all of it, or its first
    /// [`FRAME_BYTES`], as a copy so that the rest can be freed. `None` if the call was cut while the body was polled.
    pub(super) fn split(&self, body: Body, mut frame: Bytes) -> Option<Bytes> {
        self.take_back(body, |queue| {
            if frame.len() <= FRAME_BYTES {
                return frame;
            }
            let first = piece(&mut frame);
            queue.rest = frame;
            first
        })
    }

    fn take_back<R>(&self, body: Body, then: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        let mut queue = self.lock();
        if queue.cut {
            // Outside the lock: what the body holds may use the call when it is dropped.
            drop(queue);
            drop(body);
            return None;
        }
        queue.body = Some(body);
        Some(then(&mut queue))
    }

    /// Drops everything, now or once the poll in progress is over. False if the body has ended before.
    pub(super) fn cut(&self) -> bool {
        let mut queue = self.lock();
        if queue.ended {
            return false;
        }
        queue.cut = true;
        let waiting = queue.waiting.take();
        Self::clear(queue);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        true
    }

    /// Notes that the body has ended, and drops what is left.
    pub(super) fn end(&self) {
        let mut queue = self.lock();
        queue.ended = true;
        Self::clear(queue);
    }

    /// No frame will follow.
    pub(super) fn is_ended(&self) -> bool {
        let queue = self.lock();
        let body_ended = || queue.body.as_ref().is_none_or(http_body::Body::is_end_stream);
        !queue.cut && queue.rest.is_empty() && body_ended()
    }

    fn clear(mut queue: MutexGuard<'_, Queue>) {
        let dropped = (queue.body.take(), mem::take(&mut queue.rest));
        drop(queue);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies the first bytes out of a frame; the last piece of it frees the frame.
fn piece(frame: &mut Bytes) -> Bytes {
    let length = frame.len().min(FRAME_BYTES);
    let piece = Bytes::copy_from_slice(&frame[..length]);
    frame.advance(length);
    if frame.is_empty() {
        *frame = Bytes::new();
    }
    piece
}
