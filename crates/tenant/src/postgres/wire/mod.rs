//! Postgres' protocol, version 3.0, over any stream: messages in, bytes out, and bounds for both.

pub(crate) mod binding;
pub(crate) mod frame;
pub(crate) mod message;
mod patience;
mod proof;
mod refusal;
pub(crate) mod scram;
pub(crate) mod startup;

use std::mem;

use bytes::{Buf, BufMut, BytesMut};
use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::yield_now,
    time::{Instant, timeout_at},
};

use crate::TenantError;
use frame::{HEADER, Head};
use patience::Patience;

/// The stream below a connection: TCP, TLS over TCP, or a pipe in tests.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of any of these kinds.
pub(crate) type BoxedStream = Box<dyn Stream>;

/// Room for one read of an ordinary answer.
const READ: usize = 8 * 1024;
/// Room for one read while a result streams.
const READ_STREAM: usize = 64 * 1024;
/// A message longer than this gets a buffer of its own length, which is released once the message was read.
const LONG: usize = 256 * 1024;
/// Factor by which such a buffer grows. Each step copies what is there, in total a third of the message. A server has
/// to send a quarter of what it makes us allocate.
const GROWTH: usize = 4;
/// Bytes that are read before the task yields.
const TURN: usize = 256 * 1024;
/// A read needs at least this much room.
const READ_LEAST: usize = 1024;
/// Most notices, parameter statuses and notifications after a [`Wire::begin`].
const ASIDES: u32 = 1000;

/// Any error in the SCRAM exchange except a wrong password.
const BROKEN: TenantError = TenantError::Protocol("a malformed SCRAM exchange");

/// The body of a message.
pub(crate) enum Body<'w> {
    /// In the buffer of the [`Wire`].
    Short(&'w [u8]),
    /// In a buffer of its own, which the receiver can keep.
    Long(BytesMut),
}

impl Body<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Short(body) => body.len(),
            Self::Long(body) => body.len(),
        }
    }
}

/// One end of a connection, with its buffers.
pub(crate) struct Wire {
    stream: BoxedStream,
    input: BytesMut,
    /// Bytes at the start of `input` that belong to the message handed out last.
    taken: usize,
    /// Room for the next read; grows while the server fills it.
    chunk: usize,
    /// Messages to send with the next [`Wire::flush`].
    pub(crate) output: BytesMut,
    asides: u32,
    /// Bytes read since the task last yielded.
    read: usize,
    patience: Patience,
    /// Whether a setting that the server reports has changed since [`Wire::begin`].
    pub(crate) setting_changed: bool,
}

impl Wire {
    pub(crate) fn new(stream: BoxedStream) -> Self {
        let (input, output) = (BytesMut::new(), BytesMut::new());
        let (asides, patience) = (0, Patience::default());
        Self {
            stream,
            input,
            taken: 0,
            chunk: READ,
            output,
            asides,
            read: 0,
            patience,
            setting_changed: false,
        }
    }

    /// Resets the count of asides, for a new statement.
    pub(crate) fn begin(&mut self) {
        self.asides = 0;
        self.setting_changed = false;
    }

    /// Sends `output`, in one write if the socket takes it. If the future is dropped, the rest stays in `output` for
    /// the next flush.
    pub(crate) async fn flush(&mut self, until: Instant) -> Result<(), TenantError> {
        let sending = async {
            self.stream.write_all_buf(&mut self.output).await?;
            self.stream.flush().await
        };
        match timeout_at(until, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(TenantError::Closed),
            Err(_) => Err(TenantError::Timeout),
        }
    }

    /// Waits for the next message and returns its tag. [`Wire::body`] returns its body until the next call.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<u8, TenantError> {
        loop {
            if let Some(tag) = self.buffered()? {
                return Ok(tag);
            }
            self.fill(until).await?;
        }
    }

    /// The tag of the next message, if all of it has arrived. Asides are counted and skipped.
    pub(crate) fn buffered(&mut self) -> Result<Option<u8>, TenantError> {
        self.release();
        loop {
            let Some(head) = Head::parse(&self.input)? else { return Ok(None) };
            if self.input.len() < head.total {
                return Ok(None);
            }
            self.patience = Patience::default();
            if !head.is_aside() {
                self.taken = head.total;
                return Ok(Some(head.tag));
            }
            self.count_aside(head)?;
            self.input.advance(head.total);
        }
    }

    /// The body of the last message.
    pub(crate) fn body(&self) -> &[u8] {
        self.input.get(HEADER..self.taken).unwrap_or_default()
    }

    /// The body of the last message. A long one is handed over with its buffer.
    pub(crate) fn take_body(&mut self) -> Body<'_> {
        if self.taken > LONG { Body::Long(self.take_long()) } else { Body::Short(self.body()) }
    }

    fn take_long(&mut self) -> BytesMut {
        let rest = BytesMut::from(&self.input[self.taken..]);
        let mut message = mem::replace(&mut self.input, rest);
        message.truncate(mem::take(&mut self.taken));
        message.advance(HEADER);
        message
    }

    /// Waits until more bytes have arrived. Within a message, they must come at a minimum rate.
    pub(crate) async fn fill(&mut self, until: Instant) -> Result<(), TenantError> {
        self.make_room();
        if self.read >= TURN {
            self.read = 0;
            yield_now().await;
        }
        let begun = Instant::now();
        let is_within_message = !self.input.is_empty();
        let limit = if is_within_message { until.min(begun + self.patience.left()) } else { until };
        let mut room = (&mut self.input).limit(READ_STREAM);
        let read = timeout_at(limit, self.stream.read_buf(&mut room)).await;
        if is_within_message {
            self.patience.note_wait(begun.elapsed());
        }
        match read {
            Ok(read) => self.note_read(&read),
            Err(_) if limit < until => Err(TenantError::Protocol("a message that comes too slowly")),
            Err(_) => Err(TenantError::Timeout),
        }
    }

    /// Reads what has arrived, without waiting. False: nothing has.
    pub(crate) fn fill_now(&mut self) -> Result<bool, TenantError> {
        self.make_room();
        let mut room = (&mut self.input).limit(READ_STREAM);
        match self.stream.read_buf(&mut room).now_or_never() {
            None => Ok(false),
            Some(read) => self.note_read(&read).map(|()| true),
        }
    }

    /// Whether the connection is open and silent, as an idle one should be.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.input.len() == self.taken && self.output.is_empty() && matches!(self.fill_now(), Ok(false))
    }

    /// Drops the last message, and the buffer of a long one.
    pub(crate) fn release(&mut self) {
        if self.taken > LONG {
            self.take_long();
        } else {
            self.input.advance(mem::take(&mut self.taken));
        }
    }

    /// Releases memory before an idle time.
    pub(crate) fn shrink(&mut self) {
        self.release();
        self.chunk = READ;
        if self.input.is_empty() && self.input.capacity() > READ {
            self.input = BytesMut::new();
        }
        if self.output.is_empty() && self.output.capacity() > READ {
            self.output = BytesMut::new();
        }
    }

    /// Sends a `Terminate` if the socket takes it at once, and closes the socket.
    pub(crate) fn part(&mut self) {
        self.output.clear();
        postgres_protocol::message::frontend::terminate(&mut self.output);
        let _ = self.stream.write_all_buf(&mut self.output).now_or_never();
        let _ = self.stream.shutdown().now_or_never();
    }

    /// Bytes held for reading.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.input.capacity()
    }

    fn count_aside(&mut self, head: Head) -> Result<(), TenantError> {
        self.asides += 1;
        self.setting_changed |= head.tag == b'S';
        if self.asides > ASIDES { Err(TenantError::Protocol("a flood of notices")) } else { Ok(()) }
    }

    /// Makes room for the next read. The buffer of a message grows as its bytes arrive, never for an announced length.
    fn make_room(&mut self) {
        self.release();
        let free = self.input.capacity() - self.input.len();
        match Head::parse(&self.input) {
            Ok(Some(head)) if head.total > LONG && free == 0 => self.grow_for(head.total),
            Ok(Some(head)) if head.total > LONG => {}
            _ if self.input.is_empty() || free < READ_LEAST => {
                self.input.reserve(self.chunk.max(self.input.len()));
            }
            _ => {}
        }
    }

    /// A larger buffer for a long message, but never larger than the message.
    fn grow_for(&mut self, total: usize) {
        let room = (self.input.len() * GROWTH).max(READ_STREAM).min(total);
        let mut input = BytesMut::with_capacity(room);
        input.extend_from_slice(&self.input);
        self.input = input;
    }

    fn note_read(&mut self, read: &std::io::Result<usize>) -> Result<(), TenantError> {
        match read {
            Ok(0) | Err(_) => Err(TenantError::Closed),
            Ok(bytes) => {
                self.read += bytes;
                self.patience.note_bytes(*bytes);
                if self.input.len() == self.input.capacity() {
                    self.chunk = READ_STREAM;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
