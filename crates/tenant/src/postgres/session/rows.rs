//! The rows of a running statement, as they come.

use std::{sync::Arc, time::Duration};

use postern_domain::AccessMode;
use tokio::{task::yield_now, time::Instant};

use super::{
    connection::{Phase, PostgresSession, Started},
    dirt,
};
use crate::{
    Column, RowBatch, Session, Statement, TenantError,
    postgres::result::batch::BatchBuilder,
    postgres::wire::message::{self, Transaction},
};

/// The result of a running statement. Nothing is read ahead of the caller, so a slow reader slows the server.
///
/// Dropping it before the end leaves the connection in the middle of the statement: the pool, or the connection's own
/// drop, then cancels the statement on the server.
pub struct Rows<'c> {
    connection: &'c mut PostgresSession,
    columns: Arc<[Column]>,
    batches: BatchBuilder,
    row_limit: u64,
    byte_limit: u64,
    read_limit: u64,
    access_mode: AccessMode,
    deadline: Instant,
    /// Tags of the messages still to come after the statement's own answers.
    tail: &'static [u8],
    /// Tag of a message that was read and not looked at yet.
    unread: Option<u8>,
    /// Rows handed out.
    row_count: u64,
    /// Rows that the server has sent.
    seen_count: u64,
    byte_count: u64,
    /// Bytes of memory filled since other tasks had their turn.
    decoded: usize,
    /// How the statement's own answers ended, once they have.
    end: Option<End>,
    truncated: Option<Truncation>,
    sent_first: bool,
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

/// Why rows were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// `max_rows` was reached. The server stopped handing out rows there. INSERT, UPDATE, DELETE and MERGE have run
    /// whole by then, alone or within WITH; the functions that a SELECT calls have run for the rows up to the limit,
    /// and for one more.
    RowLimit,
    /// `max_bytes` was reached. A read-only statement was stopped, a read-write one has run to its end.
    ByteLimit,
}

/// How a statement's own answers ended.
enum End {
    /// `CommandComplete` with its tag, or `EmptyQueryResponse`.
    Complete(String),
    /// `PortalSuspended`: the server stopped at the row limit.
    Suspended,
    /// We stopped listening.
    Abandoned,
}

/// How long rows that are here wait for more to fill a batch. The first batch never waits.
const LINGER: Duration = Duration::from_millis(5);

/// Bytes of memory that are filled before other tasks get their turn. A megabyte takes about a millisecond.
const TURN: usize = 256 * 1024;

impl<'c> Rows<'c> {
    pub(super) fn new(
        connection: &'c mut PostgresSession,
        statement: &Statement<'_>,
        started: Started,
    ) -> Self {
        Self {
            connection,
            columns: started.columns,
            batches: started.batches,
            row_limit: statement.max_rows,
            byte_limit: statement.max_bytes,
            read_limit: statement.max_read_bytes,
            access_mode: statement.access_mode,
            deadline: statement.deadline,
            tail: started.tail,
            unread: Some(started.first),
            row_count: 0,
            seen_count: 0,
            byte_count: 0,
            decoded: 0,
            end: None,
            truncated: None,
            sent_first: false,
            summary: None,
        }
    }

    /// The columns; none for a statement that returns no rows.
    pub fn columns(&self) -> &Arc<[Column]> {
        &self.columns
    }

    /// The next rows: at most 1,000, and about 64 KiB. Nothing at the end, after which [`Rows::summary`] tells how it
    /// ended. After an error there is nothing more to read.
    ///
    /// Dropping the returned future loses no rows.
    pub async fn next_batch(&mut self) -> Result<Option<RowBatch>, TenantError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        match self.advance().await {
            Ok(batch) => Ok(batch),
            Err(error) => Err(self.connection.give_up(error).await),
        }
    }

    /// How the result ended; nothing while there may be more rows.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Stops the statement on the server and brings the connection back to rest, or closes it.
    pub async fn cancel(self) {
        self.connection.recover().await;
    }

    async fn advance(&mut self) -> Result<Option<RowBatch>, TenantError> {
        self.collect().await?;
        self.decoded += self.batches.memory();
        if self.decoded >= TURN {
            self.decoded = 0;
            yield_now().await;
        }
        if let Some(batch) = self.batches.take() {
            self.sent_first = true;
            return Ok(Some(batch));
        }
        let summary = self.finish().await?;
        self.summary = Some(summary);
        Ok(None)
    }

    /// Reads rows until a batch is full, the rows have ended, or those that are here should not wait any longer.
    async fn collect(&mut self) -> Result<(), TenantError> {
        let mut linger = None;
        while self.end.is_none() && !self.batches.is_full() {
            let tag = match self.unread.take() {
                Some(tag) => Some(tag),
                None => self.connection.wire.buffered()?,
            };
            match tag {
                Some(tag) => self.take_message(tag)?,
                None if !self.wait(&mut linger).await? => return Ok(()),
                None => {}
            }
        }
        Ok(())
    }

    fn take_message(&mut self, tag: u8) -> Result<(), TenantError> {
        match tag {
            b'D' => return self.take_row(),
            b'C' => {
                self.end = Some(End::Complete(message::command_tag(self.connection.wire.body())?.to_owned()));
            }
            b'I' => self.end = Some(End::Complete(String::new())),
            b's' => self.end = Some(End::Suspended),
            other => return Err(self.connection.unexpected(other)),
        }
        self.connection.phase = Phase::Ending;
        Ok(())
    }

    fn take_row(&mut self) -> Result<(), TenantError> {
        let row = self.connection.wire.body();
        self.seen_count += 1;
        self.byte_count = self.byte_count.saturating_add(row.len() as u64);
        // The row after the last one only tells that there was one.
        if self.seen_count > self.row_limit.saturating_add(1) {
            return Err(TenantError::Protocol("more rows than asked for"));
        }
        if self.byte_count > self.read_limit.max(self.byte_limit) {
            return Err(TenantError::ResultTooLarge);
        }
        if self.truncated.is_none() && self.seen_count > self.row_limit {
            self.truncated = Some(Truncation::RowLimit);
        }
        if self.truncated.is_none() && self.byte_count > self.byte_limit {
            self.truncated = Some(Truncation::ByteLimit);
            // A write that is stopped is undone, so it is read to its end, and its rows are dropped.
            if self.access_mode == AccessMode::ReadOnly {
                self.end = Some(End::Abandoned);
            }
        }
        if self.truncated.is_some() {
            return Ok(());
        }
        self.row_count += 1;
        self.batches.push(row)?;
        self.connection.wire.release();
        Ok(())
    }

    /// Waits for more bytes. False: rows that are here should go out first.
    async fn wait(&mut self, linger: &mut Option<Instant>) -> Result<bool, TenantError> {
        let wire = &mut self.connection.wire;
        if self.batches.is_empty() {
            return wire.fill(self.deadline).await.map(|()| true);
        }
        if wire.fill_now()? {
            return Ok(true);
        }
        if !self.sent_first {
            return Ok(false);
        }
        let until = *linger.get_or_insert_with(|| Instant::now() + LINGER);
        match wire.fill(until.min(self.deadline)).await {
            Ok(()) => Ok(true),
            Err(TenantError::Timeout) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads what follows the statement's own answers. Its effects are only certain then: a deferred constraint, for
    /// one, is checked when the transaction ends.
    async fn finish(&mut self) -> Result<Summary, TenantError> {
        let command_tag = match &self.end {
            // The statement still runs; whoever holds the connection cancels it.
            Some(End::Abandoned) | None => return Ok(self.summarize(String::new())),
            Some(End::Complete(tag)) => tag.clone(),
            Some(End::Suspended) => {
                self.truncated.get_or_insert(Truncation::RowLimit);
                String::new()
            }
        };
        self.end_transaction().await?;
        let connection = &mut *self.connection;
        connection.dirty |= connection.wire.setting_changed || !dirt::is_harmless_tag(&command_tag);
        Ok(self.summarize(command_tag))
    }

    async fn end_transaction(&mut self) -> Result<(), TenantError> {
        match self.read_tail().await {
            // Our ROLLBACK was refused, not the statement: it was DEALLOCATE ALL, say. What it has left is unknown.
            Err(TenantError::Sql(_)) if self.tail != b"Z" => {
                self.connection.dirty = true;
                self.connection.settle(self.deadline).await
            }
            ended => ended,
        }
    }

    async fn read_tail(&mut self) -> Result<(), TenantError> {
        while let [tag, rest @ ..] = self.tail {
            self.connection.expect(*tag, self.deadline).await?;
            self.tail = rest;
        }
        match message::transaction(self.connection.wire.body())? {
            Transaction::None => self.connection.phase = Phase::Idle,
            Transaction::Open => return Err(TenantError::UnsupportedStatement),
        }
        Ok(())
    }

    fn summarize(&self, command_tag: String) -> Summary {
        Summary { rows: self.row_count, command_tag, truncated: self.truncated }
    }
}
