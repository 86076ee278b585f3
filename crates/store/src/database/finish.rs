//! Work that is not left half done when its caller goes away.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Drives `work` in the caller's own task. If the caller is dropped before the end, a task of its own takes over: a
/// statement in the middle would leave the connection in an unknown state, and others may wait for its outcome.
pub(crate) fn finish<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Finish<T> {
    Finish(Some(Box::pin(work)))
}

/// See [`finish`].
pub(crate) struct Finish<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Future for Finish<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let work = self.0.as_mut().expect("a future is not polled after its end");
        let ended = work.as_mut().poll(cx);
        if ended.is_ready() {
            self.0 = None;
        }
        ended
    }
}

impl<T: Send + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        // At the end of the program there is no runtime, and no need.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_whose_caller_goes_away_is_finished() {
        let ((go, wait), (done, ended)) = (oneshot::channel::<()>(), oneshot::channel());
        let mut work = finish(async move {
            wait.await.unwrap();
            done.send("done").unwrap();
        });
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok("done"));
    }
}
