//! Running a call: its first part inline, the rest in a task of its own, and its end in one place.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::FutureExt;
use postern_chassis::{Lifecycle, call::Call};
use tokio::time::{Instant, timeout_at};
use tokio_stream::Stream;
use tracing::Instrument;

use super::{
    Core, Failure, Job,
    admission::Permit,
    outcome,
    queue::{Last, Queued, Sink, queue},
};

/// Time beyond the deadline in which the driver stops the statement and says so itself.
const GRACE: Duration = Duration::from_secs(3);

/// A result with no more bytes than this is left to a caller that does not read it: it is not worth a task that watches
/// over it.
const UNWATCHED: usize = 64 * 1024;

/// A result on its way to the caller: its parts, then the failure that ended them, if one did. Dropping it frees them.
pub(crate) enum Parts<P> {
    /// One part that was ready when the call was answered.
    Whole(Option<P>),
    /// Parts that come, or came, one after the other.
    Queued(Queued<P>),
}

/// How the work of a call ends: with a last part, unless that was sent like the others.
type End<P> = Result<Option<Last<P>>, Failure>;

impl Core {
    /// Admits a call and runs `work`, which sends the parts of its result and may return the last one. Returns with the
    /// first of them. A result that is complete by then costs no task and no second wake-up, and one of a single part
    /// no queue either.
    ///
    /// The call is over when `work` returns, when the caller goes away, at its deadline, or at the end of the drain.
    /// The result of a caller that has stopped reading is freed at the deadline.
    pub(super) async fn run<P, W>(
        self: &Arc<Self>,
        job: Job,
        work: impl FnOnce(Arc<Self>, Arc<Job>, Sender<P>) -> W,
    ) -> Result<Parts<P>, Failure>
    where
        P: Send + 'static,
        W: Future<Output = End<P>> + Send + 'static,
    {
        let (call, until) = (job.call.clone(), job.deadline + GRACE);
        let permit = self.admission.admit(job.owner(), until, &call).map_err(Failure::NotAdmitted)?;
        let (sink, parts) = queue();
        let job = Arc::new(job);
        let sender = Sender::new(sink.clone(), &permit, job.call.clone());
        job.call.hold(permit);
        let work = work(Arc::clone(self), Arc::clone(&job), sender);
        drive(work, sink, parts, Ending { call, until, life: self.life.clone() }).await
    }
}

/// Where and when a call ends.
struct Ending {
    call: Call,
    /// When it is cut off, whatever it still does.
    until: Instant,
    /// Ends it too, at the end of the drain.
    life: Lifecycle,
}

impl<P: Unpin> Stream for Parts<P> {
    type Item = Result<P, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Self::Whole(part) => Poll::Ready(part.take().map(Ok)),
            Self::Queued(parts) => Pin::new(parts).poll_next(cx),
        }
    }
}

/// Sends parts of a result, each once there is memory for it.
pub(super) struct Sender<P> {
    sink: Sink<P>,
    budget: super::budget::OwnerBudget,
    call: Call,
    has_sent: AtomicBool,
}

impl<P> Sender<P> {
    fn new(sink: Sink<P>, permit: &Permit, call: Call) -> Self {
        Self { sink, budget: permit.budget(), call, has_sent: AtomicBool::new(false) }
    }

    /// Sends a part of about this many bytes.
    pub(super) async fn send(&self, part: P, bytes: usize) {
        self.has_sent.store(true, Ordering::Relaxed);
        let reservation = self.budget.reserve(bytes).await;
        self.sink.send(part, bytes, reservation).await;
    }

    /// Whether the caller may have seen a part of the result.
    pub(super) fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }

    pub(super) fn call(&self) -> &Call {
        &self.call
    }
}

/// Drives a call until there is something to read, and leaves the rest of it to a task.
async fn drive<P>(
    work: impl Future<Output = End<P>> + Send + 'static,
    sink: Sink<P>,
    queued: Queued<P>,
    ending: Ending,
) -> Result<Parts<P>, Failure>
where
    P: Send + 'static,
{
    let mut running = Box::pin(bounded(work, ending.until, ending.life.clone()));
    let over = poll_fn(|cx| match running.as_mut().poll(cx) {
        Poll::Ready(end) => Poll::Ready(Some(end)),
        Poll::Pending if queued.is_ready() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    let Some(end) = over else {
        tokio::spawn(see_through(running, sink, ending).in_current_span());
        return Ok(Parts::Queued(queued));
    };
    outcome::note_end(&ending.call, &end);
    match end {
        Err(failure) if queued.bytes() == 0 => return Err(failure),
        Ok(Some(Last { part, .. })) if !queued.is_ready() => return Ok(Parts::Whole(Some(part))),
        end => sink.end(end),
    }
    if queued.bytes() > UNWATCHED {
        tokio::spawn(watch(sink, ending).in_current_span());
    }
    Ok(Parts::Queued(queued))
}

/// The work until it ends or is cut off, with a panic as a failure.
async fn bounded<P>(work: impl Future<Output = End<P>>, until: Instant, life: Lifecycle) -> End<P> {
    tokio::select! {
        end = timeout_at(until, AssertUnwindSafe(work).catch_unwind()) => match end {
            Ok(Ok(end)) => end,
            Ok(Err(panic)) => Err(Failure::Defect(panic_text(&*panic).into())),
            Err(_) => Err(Failure::Timeout),
        },
        () = life.overdue() => Err(Failure::Stopping),
    }
}

/// Runs the work to its end, whatever that is, and then watches over what the caller has not read yet.
async fn see_through<P>(running: Pin<Box<impl Future<Output = End<P>>>>, sink: Sink<P>, ending: Ending) {
    let end = tokio::select! {
        end = running => end,
        // Dropping the work cancels its statement on the tenant's server.
        () = sink.closed() => return,
    };
    outcome::note_end(&ending.call, &end);
    if Instant::now() >= ending.until {
        // The caller does not read, or the tenant does not let go: neither gets any more of our memory.
        free(&sink, &ending.call);
        return;
    }
    sink.end(end);
    watch(sink, ending).await;
}

/// Frees what the caller has not read when its time is up.
async fn watch<P>(sink: Sink<P>, Ending { call, until, .. }: Ending) {
    if timeout_at(until, sink.drained()).await.is_err() {
        free(&sink, &call);
    }
}

fn free<P>(sink: &Sink<P>, call: &Call) {
    sink.abandon(Failure::Timeout);
    call.cut();
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;

    use super::*;

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

    fn ending() -> Ending {
        Ending { call: Call::detached(), until: Instant::now() + SECONDS(30), life: Lifecycle::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_is_complete_at_once_needs_no_task() {
        let (sink, parts) = queue();
        let producer = sink.clone();
        let work = async move {
            producer.send("first", 10, None).await;
            Ok(Some(Last { part: "last", bytes: 10 }))
        };
        let mut parts = drive(work, sink, parts, ending()).await.unwrap();
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
        assert_eq!(parts.next().await.unwrap().unwrap(), "first");
        assert_eq!(parts.next().await.unwrap().unwrap(), "last");
        assert!(parts.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_of_one_part_passes_no_queue() {
        let (sink, parts) = queue();
        let work = async {
            tokio::time::sleep(SECONDS(1)).await;
            Ok(Some(Last { part: "all", bytes: 10 }))
        };
        let mut parts = drive(work, sink, parts, ending()).await.unwrap();
        assert!(matches!(parts, Parts::Whole(_)));
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
        assert_eq!(parts.next().await.unwrap().unwrap(), "all");
        assert!(parts.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_part_follows_those_that_were_read_before() {
        let (sink, parts) = queue();
        let producer = sink.clone();
        let work = async move {
            producer.send("first", 10, None).await;
            tokio::time::sleep(SECONDS(1)).await;
            Ok(Some(Last { part: "last", bytes: 10 }))
        };
        let mut parts = drive(work, sink, parts, ending()).await.unwrap();
        assert_eq!(parts.next().await.unwrap().unwrap(), "first");
        assert_eq!(parts.next().await.unwrap().unwrap(), "last");
        assert!(parts.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_before_the_first_part_is_the_answer() {
        let (sink, parts) = queue::<()>();
        let failed = drive(async { Err(Failure::NoSecret) }, sink, parts, ending()).await;
        assert!(matches!(failed, Err(Failure::NoSecret)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_half_way_ends_the_stream_with_a_failure() {
        let (sink, parts) = queue();
        let producer = sink.clone();
        let work = async move {
            producer.send("first", 10, None).await;
            tokio::time::sleep(SECONDS(1)).await;
            panic!("half-way")
        };
        let mut parts = drive(work, sink, parts, ending()).await.unwrap();
        assert_eq!(parts.next().await.unwrap().unwrap(), "first");
        let end = parts.next().await;
        assert!(matches!(&end, Some(Err(Failure::Defect(text))) if &**text == "half-way"), "{end:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_outlasts_the_drain_is_ended_and_its_work_dropped() {
        let (sink, parts) = queue();
        let (producer, alive) = (sink.clone(), Arc::new(()));
        let held = Arc::clone(&alive);
        let work = async move {
            producer.send("first", 10, None).await;
            std::future::pending::<()>().await;
            drop(held);
            Ok(None)
        };
        let ending = ending();
        let life = ending.life.clone();
        let mut parts = drive(work, sink, parts, ending).await.unwrap();
        life.stop();
        life.overdue().await;
        assert_eq!(parts.next().await.unwrap().unwrap(), "first");
        assert!(matches!(parts.next().await, Some(Err(Failure::Stopping))));
        assert_eq!(Arc::strong_count(&alive), 1, "the work is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_drops_the_work() {
        let (sink, parts) = queue();
        let (producer, alive) = (sink.clone(), Arc::new(()));
        let held = Arc::clone(&alive);
        let work = async move {
            producer.send("first", 10, None).await;
            std::future::pending::<()>().await;
            drop(held);
            Ok(None)
        };
        let parts = drive(work, sink, parts, ending()).await.unwrap();
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(parts);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&alive), 1, "the work is gone");
    }

    /// Both that a producer waits for and that one has long finished.
    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stalls_holds_nothing_after_the_deadline() {
        for batches in [1, 100] {
            let (sink, parts) = queue();
            let (producer, probe) = (sink.clone(), Arc::new(()));
            let batch = Arc::clone(&probe);
            let work = async move {
                for _ in 0..batches {
                    producer.send(Arc::clone(&batch), 100 * 1024, None).await;
                }
                Ok(None)
            };
            let mut parts = drive(work, sink, parts, ending()).await.unwrap();
            assert!(Arc::strong_count(&probe) > 1, "the result waits to be read");
            tokio::time::sleep(SECONDS(31)).await;
            assert_eq!(Arc::strong_count(&probe), 1);
            assert!(matches!(parts.next().await, Some(Err(Failure::Timeout))));
        }
    }
}
