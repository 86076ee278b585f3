//! Few records for many frames.
//!
//! Each write to a TLS stream becomes a record and a system call of its own. HTTP/2 gathers small frames before it
//! writes them, but takes a payload of 256 bytes or more for too long to be gathered if the stream below writes
//! vectored: a seal on its way then costs a record for itself, and the calls beside it, which it could have shared one
//! with, wait. Below a stream that does not, the frame of a long payload costs two records. Here it is one in both
//! cases.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroize;

/// Bytes that are held back at most: as much as fits into a TLS record.
const HELD_BYTES: usize = 16 * 1024;

/// Holds small writes back until there is more than fits into a record, or until the flush: HTTP/2 flushes whenever it
/// has nothing more to write.
pub(super) struct Coalescing<S> {
    stream: S,
    held: Vec<u8>,
    /// Bytes of `held` that the stream has taken.
    taken: usize,
}

impl<S: AsyncWrite + Unpin> Coalescing<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, held: Vec::new(), taken: 0 }
    }

    /// Writes what is held, and of `more` what goes with it: the bytes of `more` that were taken.
    fn poll_write_held(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        while self.taken < self.held.len() {
            let held = &self.held[self.taken..];
            let both = [IoSlice::new(held), IoSlice::new(more)];
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &both))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            if let Some(of_more) = written.checked_sub(held.len()) {
                // Not left to the allocator: the buffer stays for as long as the connection does.
                self.held.as_mut_slice().zeroize();
                self.held.clear();
                self.taken = 0;
                return Poll::Ready(Ok(of_more));
            }
            self.taken += written;
        }
        Poll::Ready(Ok(0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Coalescing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

/// Not vectored, for the sake of HTTP/2.
impl<S: AsyncWrite + Unpin> AsyncWrite for Coalescing<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.held.len() + buf.len() <= HELD_BYTES {
            self.held.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        match ready!(self.poll_write_held(cx, buf))? {
            0 => Pin::new(&mut self.stream).poll_write(cx, buf),
            taken => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_held(cx, &[]))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_held(cx, &[]))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Takes so many bytes of each write, and remembers the writes.
    struct Sink {
        writes: Vec<Vec<u8>>,
        at_most: usize,
        /// Says that it is not ready before every write.
        hesitant: bool,
        ready: bool,
    }

    impl Sink {
        fn new(at_most: usize, hesitant: bool) -> Coalescing<Self> {
            Coalescing::new(Self { writes: Vec::new(), at_most, hesitant, ready: false })
        }
    }

    impl AsyncWrite for Sink {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(buf)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.ready = !self.ready || !self.hesitant;
            if !self.ready {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
            all.truncate(self.at_most);
            let written = all.len();
            self.writes.push(all);
            Poll::Ready(Ok(written))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn small_writes_share_one_and_a_long_one_takes_them_along() {
        let mut stream = Sink::new(usize::MAX, false);
        assert!(!stream.is_write_vectored());
        stream.write_all(b"head ").await.unwrap();
        stream.write_all(b"of one").await.unwrap();
        assert!(stream.stream.writes.is_empty(), "written before the flush");
        stream.flush().await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(stream.stream.writes, [b"head of one".to_vec()]);

        stream.write_all(b"head").await.unwrap();
        stream.write_all(&vec![7; HELD_BYTES]).await.unwrap();
        assert_eq!(stream.stream.writes[1].len(), HELD_BYTES + 4);
        stream.write_all(&vec![8; HELD_BYTES + 1]).await.unwrap();
        assert_eq!(stream.stream.writes[2].len(), HELD_BYTES + 1, "with nothing held it goes as it is");

        stream.write_all(b"the last").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.stream.writes[3], b"the last");
    }

    #[tokio::test]
    async fn a_stream_that_takes_nothing_any_more_is_an_error() {
        let mut stream = Sink::new(0, false);
        stream.write_all(b"held").await.unwrap();
        assert_eq!(stream.flush().await.unwrap_err().kind(), ErrorKind::WriteZero);
    }

    #[tokio::test]
    async fn reading_goes_past_it() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(b"hello").await.unwrap();
        drop(far);
        let mut read = Vec::new();
        Coalescing::new(near).read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"hello");
    }

    proptest! {
        /// However the writes are cut, and however little the stream takes at a time.
        #[test]
        fn every_byte_comes_out_once_and_in_order(
            writes in prop::collection::vec((0_usize..40_000, any::<bool>()), 0..12),
            at_most in 1000_usize..50_000,
            hesitant in any::<bool>(),
        ) {
            let mut stream = Sink::new(at_most, hesitant);
            let mut sent = Vec::new();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for (number, (length, flush)) in writes.into_iter().enumerate() {
                    let write: Vec<u8> = (number..number + length).map(|at| at.to_le_bytes()[0]).collect();
                    sent.extend_from_slice(&write);
                    stream.write_all(&write).await.unwrap();
                    if flush {
                        stream.flush().await.unwrap();
                        assert!(stream.held.is_empty());
                    }
                }
                stream.shutdown().await.unwrap();
            });
            prop_assert_eq!(stream.stream.writes.concat(), sent);
        }
    }
}
