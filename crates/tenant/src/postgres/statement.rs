//! What to run, and within which bounds.

use postern_domain::AccessMode;
use tokio::time::Instant;

/// One SQL statement with its parameters and bounds.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The text of exactly one statement. Parameters are written $1, $2 and so on.
    pub sql: &'a str,
    /// Values of $1, $2 and so on.
    pub params: &'a [Param],
    /// Read-only statements run in a READ ONLY transaction that is rolled back.
    pub access_mode: AccessMode,
    /// Hand out this many rows and no more.
    pub max_rows: u64,
    /// Hand out rows as long as they take no more bytes than this, as the server sends them.
    pub max_bytes: u64,
    /// Bytes that are read of a write's rows, with those that are dropped because they are over `max_bytes`. A write
    /// that is stopped is undone, so it is read to its end; one that goes on and on is stopped here all the same, with
    /// [`crate::TenantError::ResultTooLarge`].
    pub max_read_bytes: u64,
    /// When the server must have sent its first answer. [`Statement::new`] sets it to the deadline: all messages of a
    /// statement go out together, and Postgres holds its answers back until the statement is done or 8 KiB are full, so
    /// a server that is silent for long may just be working. One that has vanished is noticed by its kernel's silence
    /// (`postern_egress` sets `TCP_USER_TIMEOUT`), and one that stops within a message by the minimum rate. An earlier
    /// time is right where the statement is known to be quick, as a check of a connection is.
    pub first_answer: Instant,
    /// When everything must be over. The statement is cancelled on the server then.
    pub deadline: Instant,
}

impl<'a> Statement<'a> {
    /// Bytes of rows that one result may have.
    pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

    /// Bytes that are read of a write's rows before it is stopped.
    pub const MAX_READ_BYTES: u64 = 4 * Self::MAX_BYTES;

    /// A read-only statement without parameters and with the default bounds: 10,000 rows, 256 MiB.
    pub fn new(sql: &'a str, deadline: Instant) -> Self {
        Self {
            sql,
            params: &[],
            access_mode: AccessMode::ReadOnly,
            max_rows: 10_000,
            max_bytes: Self::MAX_BYTES,
            max_read_bytes: Self::MAX_READ_BYTES,
            first_answer: deadline,
            deadline,
        }
    }
}

/// One parameter. Postgres gives it the type that the statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// NULL.
    Null,
    /// Anything, in Postgres' own text form.
    Text(String),
    /// Raw bytes, for bytea.
    Bytes(Vec<u8>),
}
