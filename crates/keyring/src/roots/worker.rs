//! A thread of its own for a remote root, so that it can be asked from blocking code anywhere.

use std::{io, sync::mpsc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// A runtime on a thread. Both end when this is dropped, and with them whatever still runs there.
///
/// The trait of roots is blocking, and who calls it may be a command line without a runtime or a service within one:
/// a runtime of the root's own serves both, and keeps its token alive between calls.
pub(super) struct Worker {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Worker {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel::<()>());
        thread::Builder::new().name("root".into()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // A name that is still being looked up must not hold up the end.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs a job and waits for it; `None` if it panicked.
    pub(super) fn run<T: Send + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (tell, told) = mpsc::sync_channel(1);
        self.handle.spawn(async move { drop(tell.send(job.await)) });
        told.recv().ok()
    }

    /// Runs a job for as long as the worker lives.
    pub(super) fn keep(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(job);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_can_be_asked_from_within_another_runtime() {
        let worker = Worker::start().unwrap();
        assert_eq!(worker.run(async { tokio::time::sleep(Duration::from_millis(1)).await }), Some(()));
    }

    #[test]
    fn a_panic_is_no_answer_and_not_the_end() {
        let worker = Worker::start().unwrap();
        assert_eq!(worker.run(async { panic!("as a test") }), None::<()>);
        assert_eq!(worker.run(async { 1 }), Some(1));
    }

    #[test]
    fn what_it_keeps_ends_with_it() {
        let worker = Worker::start().unwrap();
        let (held, released) = mpsc::channel::<()>();
        worker.keep(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(worker);
        assert_eq!(released.recv_timeout(Duration::from_secs(5)), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
