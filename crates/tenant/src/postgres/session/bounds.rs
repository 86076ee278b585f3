//! How much of a result is handed out, and how much is read.

use postern_domain::AccessMode;

use crate::{Statement, TenantError};

/// Why rows were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// `max_rows` was reached. The server stopped handing out rows there. INSERT, UPDATE, DELETE and MERGE, alone or
    /// within WITH, have run to their end by then; the functions that a SELECT calls have run for the rows up to the
    /// limit, and for one more.
    RowLimit,
    /// `max_bytes` was reached. A read-only statement was stopped, a read-write one has run to its end.
    ByteLimit,
}

/// The bounds of one result, and how much of it has come.
pub(super) struct Bounds {
    max_rows: u64,
    max_bytes: u64,
    max_read_bytes: u64,
    access_mode: AccessMode,
    /// Rows and bytes that the server has sent.
    rows: u64,
    bytes: u64,
    truncated: Option<Truncation>,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is handed out.
    Taken,
    /// It is dropped, as are all rows after it. The statement runs to its end.
    Dropped,
    /// It is dropped, and the statement can be stopped.
    Stop,
}

impl Bounds {
    pub(super) fn new(statement: &Statement<'_>) -> Self {
        Self {
            max_rows: statement.max_rows,
            max_bytes: statement.max_bytes,
            max_read_bytes: statement.max_read_bytes.max(statement.max_bytes),
            access_mode: statement.access_mode,
            rows: 0,
            bytes: 0,
            truncated: None,
        }
    }

    /// Counts a row that takes this many bytes on the wire.
    pub(super) fn admit(&mut self, bytes: usize) -> Result<Admission, TenantError> {
        self.rows += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        // The server was asked for one row more than is wanted: it only shows that there are more.
        if self.rows > self.max_rows.saturating_add(1) {
            return Err(TenantError::Protocol("more rows than asked for"));
        }
        if self.bytes > self.max_read_bytes {
            return Err(TenantError::ResultTooLarge);
        }
        if self.truncated.is_some() {
            return Ok(Admission::Dropped);
        }
        self.truncated = self.exceeded();
        Ok(match (self.truncated, self.access_mode) {
            (None, _) => Admission::Taken,
            (Some(Truncation::ByteLimit), AccessMode::ReadOnly) => Admission::Stop,
            // A write that is stopped is undone, so it is read to its end.
            _ => Admission::Dropped,
        })
    }

    fn exceeded(&self) -> Option<Truncation> {
        if self.rows > self.max_rows {
            Some(Truncation::RowLimit)
        } else if self.bytes > self.max_bytes {
            Some(Truncation::ByteLimit)
        } else {
            None
        }
    }

    /// Notes that the server has stopped at the row limit.
    pub(super) fn note_suspended(&mut self) {
        self.truncated.get_or_insert(Truncation::RowLimit);
    }

    pub(super) fn truncated(&self) -> Option<Truncation> {
        self.truncated
    }
}
