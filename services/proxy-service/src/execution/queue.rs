//! Parts of a result on their way to the caller: a queue that is bounded by bytes.
//!
//! The producer waits while the caller reads more slowly than the tenant writes, so that backpressure reaches the
//! tenant's server. A part is counted until the caller asks for the one after it: until then its encoded form may still
//! be waiting to be sent.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;
use tokio_stream::Stream;

use super::{Failure, budget::Reservation};

/// Bytes that one queue may hold: two ordinary batches. With less, reading from the tenant and writing to the caller
/// would take turns; with more, memory would grow with the number of slow readers. A part that is longer goes alone.
const WINDOW: usize = 128 * 1024;

/// The producer's end.
pub(crate) struct Sink<P>(Arc<Queue<P>>);

/// The caller's end: the parts, then the failure that ended them, if one did. Dropping it frees what is queued.
pub(crate) struct Queued<P>(Arc<Queue<P>>);

/// The last part of a result: a small one, so that it needs no room in the queue and no budget.
pub(crate) struct Last<P> {
    pub part: P,
    pub bytes: usize,
}

struct Queue<P> {
    state: Mutex<State<P>>,
    /// Told whenever room is made, and when the caller goes away.
    changed: Notify,
}

struct State<P> {
    parts: VecDeque<Entry<P>>,
    /// The size of the part that the caller took last, and the budget that is reserved for it.
    taken: Option<(usize, Option<Reservation>)>,
    /// Bytes of `parts` and `taken`.
    bytes: usize,
    end: Option<Result<(), Failure>>,
    reader: Option<Waker>,
    reader_is_gone: bool,
}

struct Entry<P> {
    part: P,
    bytes: usize,
    reservation: Option<Reservation>,
}

/// Makes an empty queue.
pub(crate) fn queue<P>() -> (Sink<P>, Queued<P>) {
    let state = State {
        parts: VecDeque::new(),
        taken: None,
        bytes: 0,
        end: None,
        reader: None,
        reader_is_gone: false,
    };
    let queue = Arc::new(Queue { state: Mutex::new(state), changed: Notify::new() });
    (Sink(Arc::clone(&queue)), Queued(queue))
}

impl<P> Queue<P> {
    /// The state is consistent between any two statements that change it, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready` gives a value.
    async fn when<T>(&self, mut ready: impl FnMut(&mut State<P>) -> Option<T>) -> T {
        loop {
            // Registered before the look, so that a change between the two is not missed.
            let changed = self.changed.notified();
            if let Some(value) = ready(&mut self.lock()) {
                return value;
            }
            changed.await;
        }
    }
}

impl<P> State<P> {
    fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes <= WINDOW
    }

    fn extend(&mut self, last: Option<Last<P>>) {
        if let Some(Last { part, bytes }) = last {
            self.bytes += bytes;
            self.parts.push_back(Entry { part, bytes, reservation: None });
        }
    }

    fn release_taken(&mut self) {
        if let Some((bytes, _)) = self.taken.take() {
            self.bytes -= bytes;
        }
    }

    fn clear(&mut self) {
        self.release_taken();
        self.parts.clear();
        self.bytes = 0;
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl<P> Sink<P> {
    /// Queues a part of about this many bytes, once there is room for it. A part for a caller that has gone is dropped.
    pub(crate) async fn send(&self, part: P, bytes: usize, reservation: Option<Reservation>) {
        let mut queued = Some(Entry { part, bytes, reservation });
        self.0
            .when(|state| {
                if state.reader_is_gone {
                    return Some(());
                }
                if state.has_room_for(bytes) {
                    state.bytes += bytes;
                    state.parts.extend(queued.take());
                    state.wake_reader();
                    return Some(());
                }
                None
            })
            .await;
    }

    /// Ends the queue, with a last part that may exceed the window. What is queued is still read.
    pub(crate) fn end(&self, end: Result<Option<Last<P>>, Failure>) {
        let mut state = self.0.lock();
        if state.end.is_none() && !state.reader_is_gone {
            state.end = Some(end.map(|last| state.extend(last)));
            state.wake_reader();
        }
    }

    /// Ends the queue and frees what is in it.
    pub(crate) fn abandon(&self, failure: Failure) {
        let mut state = self.0.lock();
        state.clear();
        state.end = Some(Err(failure));
        state.wake_reader();
    }

    /// Resolves when the caller has gone.
    pub(crate) async fn closed(&self) {
        self.0.when(|state| state.reader_is_gone.then_some(())).await;
    }

    /// Resolves when the caller has read everything, or has gone.
    pub(crate) async fn drained(&self) {
        self.0.when(|state| (state.bytes == 0 || state.reader_is_gone).then_some(())).await;
    }
}

impl<P> Clone for Sink<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> Queued<P> {
    /// Whether there is something to read.
    pub(super) fn is_ready(&self) -> bool {
        let state = self.0.lock();
        state.end.is_some() || !state.parts.is_empty()
    }

    /// Bytes that are still in the queue.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().bytes
    }
}

impl<P> Stream for Queued<P> {
    type Item = Result<P, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        state.release_taken();
        let next = match (state.parts.pop_front(), &state.end) {
            (Some(Entry { part, bytes, reservation }), _) => {
                state.taken = Some((bytes, reservation));
                Poll::Ready(Some(Ok(part)))
            }
            (None, Some(Ok(()))) => Poll::Ready(None),
            (None, Some(Err(_))) => {
                // Told once; the stream is over after it.
                let failure = state.end.replace(Ok(())).and_then(Result::err);
                Poll::Ready(failure.map(Err))
            }
            (None, None) => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        };
        drop(state);
        self.0.changed.notify_waiters();
        next
    }
}

impl<P> Drop for Queued<P> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_is_gone = true;
        state.clear();
        drop(state);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;
    use tokio_stream::StreamExt;

    use super::*;

    /// Time after which something that has not happened does not happen: the clock of these tests is paused, and only
    /// moves on when there is nothing else to do.
    const NEVER: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn a_producer_waits_until_the_part_before_was_sent() {
        let (sink, mut parts) = queue();
        sink.send(1, WINDOW, None).await;
        assert!(timeout(NEVER, sink.send(2, 1, None)).await.is_err(), "the window is full");
        assert_eq!(parts.next().await.unwrap().unwrap(), 1);
        assert!(timeout(NEVER, sink.send(2, 1, None)).await.is_err(), "the first is still being sent");
        let (sent, next) = tokio::join!(timeout(NEVER, sink.send(2, 1, None)), parts.next());
        assert!(sent.is_ok());
        assert_eq!(next.unwrap().unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_longer_than_the_window_goes_alone() {
        let (sink, mut parts) = queue();
        sink.send(1, 100 * WINDOW, None).await;
        assert!(timeout(NEVER, sink.send(2, 0, None)).await.is_err());
        assert_eq!(parts.next().await.unwrap().unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_queued_comes_before_the_failure_that_ended_it() {
        let (sink, mut parts) = queue();
        sink.send(1, 1, None).await;
        sink.end(Err(Failure::Timeout));
        assert_eq!(parts.next().await.unwrap().unwrap(), 1);
        assert!(matches!(parts.next().await, Some(Err(Failure::Timeout))));
        assert!(parts.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_part_needs_no_room_and_is_counted() {
        let (sink, mut parts) = queue();
        sink.send(1, WINDOW, None).await;
        sink.end(Ok(Some(Last { part: 2, bytes: 10 })));
        assert_eq!(parts.next().await.unwrap().unwrap(), 1);
        assert_eq!(parts.next().await.unwrap().unwrap(), 2);
        assert_eq!(parts.bytes(), 10);
        assert!(parts.next().await.is_none());
        sink.drained().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_queue_holds_nothing() {
        let (sink, mut parts) = queue();
        let probe = Arc::new(());
        sink.send(Arc::clone(&probe), 1, None).await;
        sink.abandon(Failure::Timeout);
        assert_eq!(Arc::strong_count(&probe), 1);
        assert!(matches!(parts.next().await, Some(Err(Failure::Timeout))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_frees_the_queue_and_wakes_the_producer() {
        let (sink, parts) = queue();
        let probe = Arc::new(());
        sink.send(Arc::clone(&probe), WINDOW, None).await;
        let waiting = tokio::spawn({
            let (sink, probe) = (sink.clone(), Arc::clone(&probe));
            async move { sink.send(probe, WINDOW, None).await }
        });
        tokio::task::yield_now().await;
        drop(parts);
        waiting.await.unwrap();
        sink.closed().await;
        assert_eq!(Arc::strong_count(&probe), 1);
    }
}
