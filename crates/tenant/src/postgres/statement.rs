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
    /// Most rows to hand out.
    pub max_rows: u64,
    /// Most bytes of rows to hand out, counted as the server sends them.
    pub max_bytes: u64,
    /// Most bytes of a write's rows to read, including those that are dropped because they exceed `max_bytes`. Stopping
    /// a write would undo it, so its rows are read to the end; only one that exceeds this bound is stopped, with
    /// [`crate::TenantError::ResultTooLarge`].
    pub max_read_bytes: u64,
    /// Deadline for the server's first answer. [`Statement::new`] sets it to the overall deadline: all messages of a
    /// statement go out together, and Postgres buffers its answers until the statement is done or 8 KiB have
    /// accumulated, so a silent server may just be working. A server that has vanished is detected by
    /// `TCP_USER_TIMEOUT`, which `postern_egress` sets, and one that stops within a message by the minimum rate. An
    /// earlier time makes sense for statements that are known to be quick, such as the check of a connection.
    pub first_answer: Instant,
    /// Deadline for the whole result. The statement is then cancelled on the server.
    pub deadline: Instant,
}

impl<'a> Statement<'a> {
    /// Default of `max_bytes`.
    pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

    /// Default of `max_read_bytes`.
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

/// The value of one parameter. Its type is the one that the statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// NULL.
    Null,
    /// A value of any type, in Postgres' text form.
    Text(String),
    /// Raw bytes, for bytea.
    Bytes(Vec<u8>),
}
