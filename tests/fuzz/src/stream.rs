//! A peer that has said everything already.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives prepared bytes, a few at a time, and then the end of the stream. Takes whatever is written.
pub struct Said {
    bytes: Vec<u8>,
    at: usize,
    /// Lengths of the pieces, again and again. 0: not now, ask again.
    pieces: Vec<u8>,
    piece: usize,
}

impl Said {
    /// In pieces of these lengths; whole if there are none.
    pub fn new(bytes: Vec<u8>, pieces: &[u8]) -> Self {
        // With nothing but pauses it would never end.
        let pieces = if pieces.iter().all(|&length| length == 0) { Vec::new() } else { pieces.to_vec() };
        Self { bytes, at: 0, pieces, piece: 0 }
    }

    fn next_piece(&mut self) -> usize {
        let Some(&length) = self.pieces.get(self.piece) else { return usize::MAX };
        self.piece = (self.piece + 1) % self.pieces.len();
        length.into()
    }
}

impl AsyncRead for Said {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let piece = self.next_piece();
        if piece == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = piece.min(buffer.remaining()).min(self.bytes.len() - self.at);
        buffer.put_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
