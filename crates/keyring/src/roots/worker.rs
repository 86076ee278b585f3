//! A thread with a runtime for a remote root, so that blocking code anywhere can use it.

use std::{io, sync::mpsc, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// A runtime on its own thread. Dropping this ends both, and the tasks that still run there.
///
/// [`Root`](crate::Root) is a blocking trait, and its caller may or may not be inside a runtime. A runtime of its own
/// works in both cases, and can renew the root's token between calls.
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
            // Not blocked by a DNS lookup that is still running.
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
