//! Accepting connections when the process is out of file descriptors.

use std::{io, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Pause after a failed accept. The connection stays in the system's queue: without a pause, the next attempt would
/// fail at once, and the loop would keep a core busy until descriptors are freed.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener, without Nagle's delay.
pub(crate) fn connections(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    let listener = Arc::new(listener);
    accepted(move || {
        let listener = Arc::clone(&listener);
        async move {
            let (stream, _) = listener.accept().await?;
            // Fails only for a connection that is already closed, which its first read reports.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
    })
}

/// What `accept` yields, without its failures: they are logged, once per outage, and followed by a pause.
pub(crate) fn accepted<T, F>(accept: impl FnMut() -> F) -> impl Stream<Item = io::Result<T>>
where
    F: Future<Output = io::Result<T>>,
{
    stream::unfold((accept, false), async |(mut accept, mut outage)| {
        loop {
            match accept().await {
                Ok(connection) => {
                    if outage {
                        tracing::info!("connections are accepted again");
                    }
                    return Some((Ok(connection), (accept, false)));
                }
                // The peer hung up before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !outage {
                        tracing::error!(%error, "connections cannot be accepted; new ones wait");
                    }
                    outage = true;
                    sleep(PAUSE).await;
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, pin::pin};

    use futures_util::StreamExt;
    use tokio::time::Instant;

    use super::*;
    use crate::test_log;

    /// "Too many open files".
    const EMFILE: i32 = 24;

    #[tokio::test(start_paused = true)]
    async fn without_descriptors_accepting_pauses_says_so_once_per_outage_and_goes_on() {
        test_log::start();
        let full = || Err(io::Error::from_raw_os_error(EMFILE));
        let gone = Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        let script =
            RefCell::new(VecDeque::from([Ok(1), full(), full(), full(), Ok(2), gone, Ok(3), full(), Ok(4)]));
        let next = || std::future::ready(script.borrow_mut().pop_front().unwrap());
        let mut connections = pin!(accepted(next));
        let started = Instant::now();
        for expected in 1..=4 {
            assert_eq!(connections.next().await.unwrap().unwrap(), expected);
        }
        assert_eq!(started.elapsed(), 4 * PAUSE);
        let lines = test_log::lines();
        let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
        assert_eq!(errors.len(), 2, "{lines:?}");
        assert!(errors[0]["error"].as_str().unwrap().contains("Too many open files"), "{lines:?}");
        assert_eq!(
            lines.iter().filter(|line| line["message"] == "connections are accepted again").count(),
            2
        );
    }
}
