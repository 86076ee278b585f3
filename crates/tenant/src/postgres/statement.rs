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
    /// When the server must have sent its first answer.
    pub first_answer: Instant,
    /// When everything must be over. The statement is cancelled on the server then.
    pub deadline: Instant,
}

impl<'a> Statement<'a> {
    /// Bytes of rows that one result may have.
    pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

    /// A read-only statement without parameters and with the default bounds: 10,000 rows, 256 MiB.
    pub fn new(sql: &'a str, deadline: Instant) -> Self {
        Self {
            sql,
            params: &[],
            access_mode: AccessMode::ReadOnly,
            max_rows: 10_000,
            max_bytes: Self::MAX_BYTES,
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
