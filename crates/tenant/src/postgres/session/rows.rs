//! The rows of a running statement, as they arrive.

use std::{mem, sync::Arc, time::Duration};

use tokio::{task::yield_now, time::Instant};

use super::{
    backend::{Backend, End, Part},
    bounds::{Admission, Bounds, Truncation},
};
use crate::{
    Column, RowBatch, Statement, TenantError,
    postgres::{result::batch::BatchBuilder, wire::Body},
};

/// The result of a running statement. Nothing is read ahead of the caller, so backpressure reaches the server.
///
/// Dropping it before the end leaves the session in the middle of the statement: the pool, or dropping the session,
/// then cancels the statement on the server.
pub struct Rows<'s> {
    backend: &'s mut Backend,
    columns: Arc<[Column]>,
    batches: BatchBuilder,
    bounds: Bounds,
    deadline: Instant,
    /// Rows handed out.
    row_count: u64,
    /// Bytes of memory filled since the task last yielded.
    decoded: usize,
    /// How the rows ended, once they have.
    ended: Option<Ended>,
    summary: Option<Summary>,
}

/// How a result ended. In read-write mode, what the statement did has been committed by now, also where its rows were
/// cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Rows handed out.
    pub rows: u64,
    /// Postgres' command tag, such as "SELECT 3" or "UPDATE 70000"; empty when the server stopped at the cut.
    pub command_tag: String,
    /// Why rows were left out, if they were.
    pub truncated: Option<Truncation>,
}

/// How the rows of a statement ended.
enum Ended {
    /// The server has run it, with this command tag; empty when it stopped at the row limit.
    Run(String),
    /// We have read enough. The statement still runs.
    Stopped,
}

/// How long rows that have arrived wait for more to fill a batch. The first batch never waits.
const LINGER: Duration = Duration::from_millis(5);

/// Bytes of memory that are filled before the task yields. A megabyte takes about a millisecond.
const TURN: usize = 256 * 1024;

impl<'s> Rows<'s> {
    /// The rows of a statement whose first answer is here; in binary form where that is preferred, or all as text.
    pub(super) fn new(
        backend: &'s mut Backend,
        statement: &Statement<'_>,
        columns: Arc<[Column]>,
        binary: bool,
    ) -> Self {
        Self {
            backend,
            batches: BatchBuilder::new(&columns, binary),
            columns,
            bounds: Bounds::new(statement),
            deadline: statement.deadline,
            row_count: 0,
            decoded: 0,
            ended: None,
            summary: None,
        }
    }

    /// The columns; none for a statement that returns no rows.
    pub fn columns(&self) -> &Arc<[Column]> {
        &self.columns
    }

    /// The next rows: at most 1,000, and about 64 KiB. `None` at the end, after which [`Rows::summary`] says how it
    /// ended. After an error there is nothing more to read.
    ///
    /// Dropping the returned future loses no rows.
    pub async fn next_batch(&mut self) -> Result<Option<RowBatch>, TenantError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        match self.advance().await {
            Ok(batch) => Ok(batch),
            Err(error) => Err(self.backend.fail(error).await),
        }
    }

    /// How the result ended; `None` while there may be more rows.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Stops the statement on the server and brings the session back to idle, or closes it.
    pub async fn cancel(self) {
        self.backend.recover().await;
    }

    async fn advance(&mut self) -> Result<Option<RowBatch>, TenantError> {
        self.collect().await?;
        self.take_turn().await;
        if let Some(batch) = self.batches.take() {
            self.row_count += batch.rows as u64;
            return Ok(Some(batch));
        }
        self.summary = Some(self.finish().await?);
        Ok(None)
    }

    /// Reads rows until a batch is full, there are no more, or those that have arrived should not wait any longer.
    async fn collect(&mut self) -> Result<(), TenantError> {
        let mut linger = None;
        while self.ended.is_none() && !self.batches.is_full() {
            if !self.take_part()? && !self.wait(&mut linger).await? {
                break;
            }
        }
        Ok(())
    }

    /// Takes the next part of the result. False: it has not arrived yet.
    fn take_part(&mut self) -> Result<bool, TenantError> {
        match self.backend.next_part()? {
            None => return Ok(false),
            Some(Part::Row(row)) => match self.bounds.admit(row.len())? {
                Admission::Taken => match row {
                    Body::Short(row) => self.batches.push(row)?,
                    Body::Long(row) => self.batches.push_long(row)?,
                },
                Admission::Dropped => {}
                Admission::Stop => self.ended = Some(Ended::Stopped),
            },
            Some(Part::End(End::Complete(command_tag))) => self.ended = Some(Ended::Run(command_tag)),
            Some(Part::End(End::Suspended)) => {
                self.bounds.note_suspended();
                self.ended = Some(Ended::Run(String::new()));
            }
        }
        Ok(true)
    }

    /// Waits for more bytes. False: the rows that have arrived should go out first.
    async fn wait(&mut self, linger: &mut Option<Instant>) -> Result<bool, TenantError> {
        if self.batches.is_empty() {
            return self.backend.fill(self.deadline).await.map(|()| true);
        }
        if self.backend.fill_now()? {
            return Ok(true);
        }
        let is_first_batch = self.row_count == 0;
        if is_first_batch {
            return Ok(false);
        }
        let until = *linger.get_or_insert_with(|| Instant::now() + LINGER);
        match self.backend.fill(until.min(self.deadline)).await {
            Ok(()) => Ok(true),
            Err(TenantError::Timeout) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Yields to other tasks after much was decoded.
    async fn take_turn(&mut self) {
        self.decoded += self.batches.memory();
        if self.decoded >= TURN {
            self.decoded = 0;
            yield_now().await;
        }
    }

    /// Reads what follows the rows.
    async fn finish(&mut self) -> Result<Summary, TenantError> {
        let command_tag = match &mut self.ended {
            // The pool, or dropping the session, cancels the statement.
            Some(Ended::Stopped) | None => String::new(),
            Some(Ended::Run(command_tag)) => {
                self.backend.finish(command_tag, self.deadline).await?;
                mem::take(command_tag)
            }
        };
        Ok(Summary { rows: self.row_count, command_tag, truncated: self.bounds.truncated() })
    }
}
