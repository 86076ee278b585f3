//! A session with a tenant's server, and the state it is in.

use std::sync::Arc;

use postern_domain::AccessMode;
use tokio::time::{Instant, timeout};

use super::{
    cache::{Cache, Prepared},
    cancel::Canceller,
    dirt,
    names::Names,
    pipeline::{Controls, Pipeline},
    recovery::RECOVERY,
    rows::Rows,
};
use crate::{
    Column, Session, SqlError, Statement, TenantError,
    postgres::result::batch::BatchBuilder,
    postgres::wire::{Wire, message},
};

/// A session with a Postgres server. It runs one statement at a time.
///
/// Dropping it in the middle of a statement cancels the statement on the server.
pub struct PostgresSession {
    pub(super) wire: Wire,
    pub(super) canceller: Canceller,
    names: Names,
    cache: Cache,
    controls: Controls,
    pub(super) phase: Phase,
    /// Whether a statement may have left something behind in the session.
    pub(super) dirty: bool,
    /// Whether each transaction may meet another session behind a pooler.
    pub(super) by_transaction: bool,
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The server waits for a statement.
    Idle,
    /// The server works on a statement; cancelling it makes sense.
    Running,
    /// The statement is over, its `ReadyForQuery` has not come yet.
    Ending,
    /// Not to be used again.
    Broken,
}

impl PostgresSession {
    pub(crate) fn new(mut wire: Wire, canceller: Canceller, names: Names, by_transaction: bool) -> Self {
        wire.begin();
        let controls = if by_transaction { Controls::Unnamed } else { Controls::New };
        let (cache, phase) = (Cache::default(), Phase::Idle);
        Self { wire, canceller, names, cache, controls, phase, dirty: false, by_transaction }
    }

    /// Runs a statement and waits for its first answer. What the server holds against the statement is told here
    /// whenever it comes before the first row.
    ///
    /// A statement that was run before takes one round trip, and so does a new one: its first rows travel as text,
    /// because the binary form can only be asked for once the columns are known.
    pub async fn query(&mut self, statement: &Statement<'_>) -> Result<Rows<'_>, TenantError> {
        if self.phase != Phase::Idle {
            return Err(TenantError::Closed);
        }
        // Told before it runs: a lock, say, stays even if the statement fails or is cancelled.
        self.dirty |= !dirt::is_harmless(statement.sql, statement.access_mode);
        let mut started = self.start(statement).await;
        if let Err(Failure { error: TenantError::Sql(error), bound: false }) = &started
            && self.forgets(statement.sql, error)
        {
            self.settle(statement.deadline).await.map_err(|error| self.broken(error))?;
            started = self.start(statement).await;
        }
        match started {
            Ok(started) => Ok(Rows::new(self, statement, started)),
            Err(failure) => Err(self.give_up(failure.error).await),
        }
    }

    /// Whether an error that came before the statement was bound is about what the server has forgotten or changed, and
    /// not about the statement; the second try then starts from scratch.
    fn forgets(&mut self, sql: &str, error: &SqlError) -> bool {
        match error.sqlstate.as_str() {
            // The names are gone, or taken by somebody else: there is a pooler in between, or a DEALLOCATE ALL.
            "26000" | "42P05" if self.controls != Controls::Unnamed => {
                self.cache.clear();
                self.controls = Controls::Unnamed;
                self.by_transaction = true;
                true
            }
            // "cached plan must not change result type": the table has changed.
            "0A000" if self.cache.get(sql).is_some() => {
                self.cache.forget(sql);
                true
            }
            _ => false,
        }
    }

    /// Sends a statement's pipeline and reads its answers up to the first one that is about its rows.
    async fn start(&mut self, statement: &Statement<'_>) -> Result<Started, Failure> {
        let plan = self.plan(statement)?;
        self.wire.begin();
        self.phase = Phase::Running;
        self.wire.flush(statement.deadline).await?;
        let until = statement.first_answer.min(statement.deadline);
        self.expect_preface(&plan, until).await?;
        let columns = match &plan.known {
            Some(known) => Arc::clone(&known.columns),
            None => self.read_description(statement.sql, &plan, until).await?,
        };
        self.expect(b'2', until).await?;
        let bound = |error| Failure { error, bound: true };
        let first = self.wire.next(until).await.map_err(bound)?;
        if first == b'E' {
            return Err(bound(self.sql_error()));
        }
        let batches = BatchBuilder::new(&columns, plan.known.is_some());
        Ok(Started { columns, batches, first, tail: plan.tail() })
    }

    /// Decides how the statement is sent, and writes its pipeline.
    fn plan(&mut self, statement: &Statement<'_>) -> Result<Plan, TenantError> {
        let unnamed = self.controls == Controls::Unnamed;
        let known = if unnamed { None } else { self.cache.get(statement.sql) };
        let name = match &known {
            None if !unnamed && Cache::would_keep(statement.sql) => Some(self.names.next()),
            _ => None,
        };
        let close = self.cache.take_forgotten();
        let read_only = statement.access_mode == AccessMode::ReadOnly;
        let pipeline = Pipeline {
            close: &close,
            read_only,
            controls: self.controls,
            names: &self.names,
            parse: known.is_none().then_some(statement.sql),
            name: known.as_ref().map_or(name.as_deref().unwrap_or_default(), |known| &known.name),
            params: statement.params,
            columns: known.as_ref().map(|known| &*known.columns),
            // One more than is wanted tells a result that was cut from one that just fits.
            limit: i32::try_from(statement.max_rows.saturating_add(1)).unwrap_or(i32::MAX),
        };
        if let Err(error) = pipeline.encode(&mut self.wire.output) {
            self.cache.close_later(close);
            return Err(error);
        }
        Ok(Plan { closes: close.len(), read_only, controls: self.controls, known, name })
    }

    /// Everything before the statement's own answers.
    async fn expect_preface(&mut self, plan: &Plan, until: Instant) -> Result<(), TenantError> {
        for _ in 0..plan.closes {
            self.expect(b'3', until).await?;
        }
        if !plan.read_only {
            return Ok(());
        }
        let parses = match plan.controls {
            Controls::Known => 0,
            Controls::New => 2,
            Controls::Unnamed => 1,
        };
        for _ in 0..parses {
            self.expect(b'1', until).await?;
        }
        if plan.controls == Controls::New {
            self.controls = Controls::Known;
        }
        self.expect(b'2', until).await?;
        self.expect(b'C', until).await?;
        match message::command_tag(self.wire.body())? {
            "BEGIN" => Ok(()),
            _ => Err(TenantError::Protocol("a transaction that does not begin")),
        }
    }

    async fn read_description(
        &mut self,
        sql: &str,
        plan: &Plan,
        until: Instant,
    ) -> Result<Arc<[Column]>, TenantError> {
        self.expect(b'1', until).await?;
        self.expect(b't', until).await?;
        let columns: Arc<[Column]> = match self.wire.next(until).await? {
            b'T' => message::columns(self.wire.body())?.into(),
            b'n' => Arc::from([]),
            other => return Err(self.unexpected(other)),
        };
        if let Some(name) = &plan.name {
            self.cache.keep(sql, name.clone(), &columns);
        }
        Ok(columns)
    }

    pub(super) async fn expect(&mut self, tag: u8, until: Instant) -> Result<(), TenantError> {
        match self.wire.next(until).await? {
            found if found == tag => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// What a message means that is not the one that had to come.
    pub(super) fn unexpected(&mut self, tag: u8) -> TenantError {
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

impl Session for PostgresSession {
    fn is_reusable(&self) -> bool {
        self.phase == Phase::Idle && !self.dirty
    }

    fn is_recoverable(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Ending)
    }

    fn is_quiet(&mut self) -> bool {
        self.phase == Phase::Idle && self.wire.is_quiet()
    }

    fn shrink(&mut self) {
        self.wire.shrink();
    }

    async fn recover(&mut self) -> bool {
        let recovered = timeout(RECOVERY, self.try_recover()).await;
        if !matches!(recovered, Ok(Ok(()))) {
            self.phase = Phase::Broken;
        }
        self.is_reusable()
    }
}

/// How a statement was sent.
struct Plan {
    closes: usize,
    read_only: bool,
    controls: Controls,
    known: Option<Arc<Prepared>>,
    /// The name that it is being parsed under, if it is to be kept.
    name: Option<String>,
}

impl Plan {
    /// Tags of what follows the statement's own answers: `ReadyForQuery`, after the answers to ROLLBACK.
    fn tail(&self) -> &'static [u8] {
        match (self.read_only, self.controls) {
            (false, _) => b"Z",
            (true, Controls::Unnamed) => b"12CZ",
            (true, _) => b"2CZ",
        }
    }
}

/// A statement whose first answer is here.
pub(super) struct Started {
    pub columns: Arc<[Column]>,
    pub batches: BatchBuilder,
    /// Tag of the first answer; the wire holds its body.
    pub first: u8,
    /// Tags of what follows the statement's own answers.
    pub tail: &'static [u8],
}

/// Why a statement did not start, and whether it was bound before, so that some of it may have run.
struct Failure {
    error: TenantError,
    bound: bool,
}

impl From<TenantError> for Failure {
    fn from(error: TenantError) -> Self {
        Self { error, bound: false }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
