//! The server's end of a session: the stream to it, the phase it is in, and whether statements have left session state
//! behind. The three change together, so they have one owner, and they change through its methods only:
//!
//! ```text
//!          send                   end of the result            finish
//!   Idle ───────▶ Running ───────────────────────────▶ Ending ───────▶ Idle
//!                    │ recover: cancel it on the server   │ settle
//!                    └────────────────────────────────────┴──────────▶ Idle; Broken if that fails
//! ```
//!
//! A transaction lives within one pipeline: [`Pipeline`] begins it, and commits it or rolls it back. `settle` rolls
//! back what a failed pipeline has left open, so no transaction is open when a session is idle.

mod pipeline;
mod recovery;

use std::{collections::VecDeque, io, sync::Arc};

use tokio::time::Instant;

use super::{cancel::Canceller, dirt};
use crate::{
    Column, TenantError,
    postgres::wire::{
        Body, Wire,
        message::{self, Transaction},
    },
};
pub(crate) use pipeline::{Answer, Controls, Execution, Pipeline};
#[cfg(test)]
pub(crate) use recovery::RECOVERY;

/// One connection to a server, and all that is known about the state of its other end.
///
/// Dropping it while a statement runs cancels the statement on the server.
pub(crate) struct Backend {
    wire: Wire,
    canceller: Canceller,
    phase: Phase,
    /// Whether a statement may have left something behind in the session.
    dirty: bool,
    /// Whether each transaction may meet another server process, because there is a pooler in between.
    pooled: bool,
    /// Answers to come for what was sent, in order. An error of the server cancels all up to `Ready`.
    owed: VecDeque<Answer>,
    /// Tag of a message that was read and not looked at yet; the wire holds its body.
    unread: Option<u8>,
}

/// What the server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for a statement, outside any transaction.
    Idle,
    /// It works on a statement, and cancelling that makes sense.
    Running,
    /// The statement is over, `ReadyForQuery` has not come yet.
    Ending,
    /// The connection must not be used again.
    Broken,
}

/// A part of a statement's result.
pub(crate) enum Part<'b> {
    /// The body of a `DataRow`.
    Row(Body<'b>),
    /// There are no more rows.
    End(End),
}

/// How a statement's own answers ended.
pub(crate) enum End {
    /// With this command tag; an empty one for a statement of white space and comments.
    Complete(String),
    /// At the row limit. The statement would have gone on.
    Suspended,
}

impl Backend {
    /// Takes over a connection that has signed in.
    pub(crate) fn new(wire: Wire, canceller: Canceller, pooled: bool) -> Self {
        let (phase, owed) = (Phase::Idle, VecDeque::new());
        Self { wire, canceller, phase, dirty: false, pooled, owed, unread: None }
    }

    /// Whether a statement can be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Whether another user can have the session as if it were new.
    pub(crate) fn is_clean(&self) -> bool {
        self.is_idle() && !self.dirty
    }

    /// Whether a statement is under way that [`Backend::recover`] can end.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Ending)
    }

    /// Whether the server is idle and has nothing to say.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.is_idle() && self.wire.is_quiet()
    }

    /// Whether the next transaction may meet another server process, which knows none of our names.
    pub(crate) fn is_pooled(&self) -> bool {
        self.pooled
    }

    pub(crate) fn mark_pooled(&mut self) {
        self.pooled = true;
    }

    pub(crate) fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    /// Releases memory before an idle time.
    pub(crate) fn shrink(&mut self) {
        self.wire.shrink();
    }

    /// Writes the messages of a pipeline, to go out with the next [`Backend::send`]. If one of them cannot be written,
    /// none is sent.
    pub(crate) fn queue(
        &mut self,
        write: impl FnOnce(&mut Pipeline<'_>) -> io::Result<()>,
    ) -> Result<(), TenantError> {
        let (bytes, answers) = (self.wire.output.len(), self.owed.len());
        let written = write(&mut Pipeline::new(&mut self.wire.output, &mut self.owed));
        written.map_err(|_| {
            self.wire.output.truncate(bytes);
            self.owed.truncate(answers);
            TenantError::InvalidStatement(
                "the statement holds a NUL character, or more than 65535 parameters",
            )
        })
    }

    /// Sends what was queued.
    pub(crate) async fn send(&mut self, until: Instant) -> Result<(), TenantError> {
        self.wire.begin();
        self.unread = None;
        self.phase = Phase::Running;
        self.wire.flush(until).await
    }

    /// Reads the answers that are owed before this one.
    pub(crate) async fn confirm_before(&mut self, answer: Answer, until: Instant) -> Result<(), TenantError> {
        while let Some(&next) = self.owed.front()
            && next != answer
        {
            self.confirm(next, until).await?;
        }
        Ok(())
    }

    /// Reads answers up to the description of a statement's columns; none for a statement that returns no rows.
    pub(crate) async fn read_columns(&mut self, until: Instant) -> Result<Arc<[Column]>, TenantError> {
        self.confirm_before(Answer::Columns, until).await?;
        match self.confirm(Answer::Columns, until).await? {
            b'T' => Ok(message::columns(self.wire.body())?.into()),
            _ => Ok(Arc::from([])),
        }
    }

    /// Waits for the first answer to the statement itself. An error here comes from running it.
    pub(crate) async fn await_result(&mut self, until: Instant) -> Result<(), TenantError> {
        match self.wire.next(until).await? {
            b'E' => Err(self.sql_error()),
            tag => {
                self.unread = Some(tag);
                Ok(())
            }
        }
    }

    /// The next part of the result, if it has arrived.
    pub(crate) fn next_part(&mut self) -> Result<Option<Part<'_>>, TenantError> {
        let unread = self.unread.take();
        let Some(tag) = unread.map_or_else(|| self.wire.buffered(), |tag| Ok(Some(tag)))? else {
            return Ok(None);
        };
        let end = match tag {
            b'D' => return Ok(Some(Part::Row(self.wire.take_body()))),
            b'C' => End::Complete(message::command_tag(self.wire.body())?.to_owned()),
            b'I' => End::Complete(String::new()),
            b's' => End::Suspended,
            other => return Err(self.unexpected(other)),
        };
        self.owed.pop_front();
        self.phase = Phase::Ending;
        Ok(Some(Part::End(end)))
    }

    /// Waits for more bytes of the result.
    pub(crate) async fn fill(&mut self, until: Instant) -> Result<(), TenantError> {
        self.wire.fill(until).await
    }

    /// Takes what has arrived of the result, without waiting. False: nothing has.
    pub(crate) fn fill_now(&mut self) -> Result<bool, TenantError> {
        self.wire.fill_now()
    }

    /// Reads what follows the result of a command with this tag, up to `ReadyForQuery`. What the statement did is only
    /// certain then: a deferred constraint, for one, is checked when the transaction ends.
    pub(crate) async fn finish(&mut self, command_tag: &str, until: Instant) -> Result<(), TenantError> {
        match self.confirm_ready(until).await {
            // Not the statement failed, but our ROLLBACK: the statement was DEALLOCATE ALL, for example. What else it
            // has left behind is unknown.
            Err(TenantError::Sql(_)) if self.owed.front() != Some(&Answer::Ready) => {
                self.dirty = true;
                self.settle(until).await?;
            }
            ended => ended?,
        }
        self.dirty |= self.wire.setting_changed || !dirt::is_harmless_tag(command_tag);
        Ok(())
    }

    async fn confirm_ready(&mut self, until: Instant) -> Result<(), TenantError> {
        self.confirm_before(Answer::Ready, until).await?;
        self.confirm(Answer::Ready, until).await?;
        match message::transaction(self.wire.body())? {
            Transaction::None => {
                self.phase = Phase::Idle;
                Ok(())
            }
            Transaction::Open => Err(TenantError::UnsupportedStatement),
        }
    }

    /// Reads one message, which must be the answer that is owed next, and returns its tag.
    async fn confirm(&mut self, answer: Answer, until: Instant) -> Result<u8, TenantError> {
        let tag = self.wire.next(until).await?;
        if !answer.has_tag(tag) {
            return Err(self.unexpected(tag));
        }
        self.owed.pop_front();
        let is_begun = answer != Answer::Begun || message::command_tag(self.wire.body())? == "BEGIN";
        if is_begun { Ok(tag) } else { Err(TenantError::Protocol("a transaction that does not begin")) }
    }

    /// What a message means that is not the one that had to come.
    fn unexpected(&mut self, tag: u8) -> TenantError {
        match tag {
            b'E' => self.sql_error(),
            b'G' | b'H' | b'W' => TenantError::UnsupportedStatement,
            _ => TenantError::Protocol("a message out of its turn"),
        }
    }

    fn sql_error(&mut self) -> TenantError {
        self.phase = Phase::Ending;
        match message::sql_error(self.wire.body()) {
            Ok(error) => TenantError::Sql(Arc::new(error)),
            Err(error) => error,
        }
    }
}
