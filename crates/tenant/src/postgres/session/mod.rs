//! One session with a tenant's server: statements in, rows out.
//!
//! From the top: [`connect`] opens a session; [`PostgresSession`] runs a statement; [`rows`] hands its result out, as
//! far as the statement's bounds allow ([`bounds`]). Below them, [`backend`] owns the connection and all state of its
//! other end, [`statements`] knows what the server has parsed, [`dirt`] judges what a statement may leave behind
//! ([`tokens`]), and [`cancel`] asks the server to stop.

pub(crate) mod backend;
pub(crate) mod bounds;
pub(crate) mod cancel;
pub(crate) mod connect;
pub(crate) mod dirt;
pub(crate) mod names;
pub(crate) mod rows;
mod statements;
mod tokens;

use std::sync::Arc;

use postern_domain::AccessMode;
use tokio::time::Instant;

use self::{
    backend::{Answer, Backend, Controls, Execution},
    cancel::Canceller,
    dirt::Leaves,
    names::Names,
    rows::Rows,
    statements::{Prepared, Statements},
};
use crate::{Column, Session, SqlError, Statement, TenantError, postgres::wire::Wire};

/// A session with a Postgres server. It runs one statement at a time.
///
/// Dropping it in the middle of a statement cancels the statement on the server.
pub struct PostgresSession {
    backend: Backend,
    statements: Statements,
}

impl PostgresSession {
    /// Takes over a connection that has signed in. Behind a pooler, each transaction may meet another server process.
    pub(crate) fn new(wire: Wire, canceller: Canceller, names: Names, pooled: bool) -> Self {
        Self { backend: Backend::new(wire, canceller, pooled), statements: Statements::new(names) }
    }

    /// Runs a statement and waits for its first answer. An error that the server reports before the first row is
    /// returned here.
    ///
    /// A statement that was run before takes one round trip, and so does a new one: its first rows travel as text,
    /// because the binary form can only be asked for once the columns are known.
    pub async fn query(&mut self, statement: &Statement<'_>) -> Result<Rows<'_>, TenantError> {
        if !self.backend.is_idle() {
            return Err(TenantError::Closed);
        }
        let mut started = self.start(statement).await;
        if let Err(Failure { error: TenantError::Sql(error), bound: false }) = &started
            && self.forgets(statement.sql, error)
        {
            self.backend.settle(statement.deadline).await.map_err(|error| self.backend.break_off(error))?;
            started = self.start(statement).await;
        }
        match started {
            Ok(Started { columns, binary }) => Ok(Rows::new(&mut self.backend, statement, columns, binary)),
            Err(failure) => Err(self.backend.fail(failure.error).await),
        }
    }

    /// Sends a statement's pipeline and reads its answers up to the first one to the statement itself.
    async fn start(&mut self, statement: &Statement<'_>) -> Result<Started, Failure> {
        let plan = self.plan(statement.sql);
        // Before it runs: a lock, for example, stays even if the statement fails or is cancelled.
        if !plan.leaves.is_harmless(statement.access_mode) {
            self.backend.mark_dirty();
        }
        self.queue(statement, &plan)?;
        self.backend.send(statement.deadline).await?;
        let until = statement.first_answer.min(statement.deadline);
        if statement.access_mode == AccessMode::ReadOnly {
            self.backend.confirm_before(Answer::Begun, until).await?;
            self.statements.know_controls();
        }
        let columns = self.columns(statement.sql, &plan, until).await?;
        self.backend.confirm_before(Answer::Result, until).await?;
        let bound = |error| Failure { error, bound: true };
        self.backend.await_result(until).await.map_err(bound)?;
        Ok(Started { columns, binary: plan.known.is_some() })
    }

    /// Decides whether the statement is parsed, and under which name.
    fn plan(&mut self, sql: &str) -> Plan {
        let known = if self.backend.is_pooled() { None } else { self.statements.find(sql) };
        if let Some(known) = known {
            return Plan { leaves: known.leaves, name: None, known: Some(known) };
        }
        let name = if self.backend.is_pooled() { None } else { self.statements.name_for(sql) };
        Plan { leaves: Leaves::by(sql), name, known: None }
    }

    /// Writes the statement's pipeline.
    fn queue(&mut self, statement: &Statement<'_>, plan: &Plan) -> Result<(), TenantError> {
        let execution = Execution {
            name: plan.statement_name(),
            params: statement.params,
            columns: plan.known.as_deref().map(|known| &*known.columns),
            // One more than is wanted distinguishes a result that was cut from one that just fits.
            limit: i32::try_from(statement.max_rows.saturating_add(1)).unwrap_or(i32::MAX),
        };
        let forgotten = self.statements.take_forgotten();
        let controls = if self.backend.is_pooled() { Controls::Unnamed } else { self.statements.controls() };
        let queued = self.backend.queue(|pipeline| {
            forgotten.iter().try_for_each(|name| pipeline.close(name))?;
            if statement.access_mode == AccessMode::ReadOnly {
                pipeline.begin_read_only(controls)?;
            }
            if plan.known.is_none() {
                pipeline.prepare(execution.name, statement.sql)?;
            }
            pipeline.execute(&execution)?;
            match statement.access_mode {
                AccessMode::ReadOnly => pipeline.rollback(controls)?,
                AccessMode::ReadWrite => pipeline.commit(),
            }
            Ok(())
        });
        if queued.is_err() {
            self.statements.close_later(forgotten);
        }
        queued
    }

    /// The statement's columns: remembered, or read and then remembered.
    async fn columns(
        &mut self,
        sql: &str,
        plan: &Plan,
        until: Instant,
    ) -> Result<Arc<[Column]>, TenantError> {
        if let Some(known) = &plan.known {
            return Ok(Arc::clone(&known.columns));
        }
        let columns = self.backend.read_columns(until).await?;
        if let Some(name) = &plan.name {
            let (name, columns) = (name.clone(), Arc::clone(&columns));
            self.statements.keep(sql, Prepared { name, columns, leaves: plan.leaves });
        }
        Ok(columns)
    }

    /// Whether an error that came before the statement was bound says that the server no longer has what we remember,
    /// and not that the statement is wrong. What is out of date is then forgotten, and the statement can be sent again.
    fn forgets(&mut self, sql: &str, error: &SqlError) -> bool {
        match error.sqlstate.as_str() {
            // The names are gone, or used by somebody else: there is a pooler in between, or it was a DEALLOCATE ALL.
            "26000" | "42P05" if !self.backend.is_pooled() => {
                self.statements.clear();
                self.backend.mark_pooled();
                true
            }
            // "cached plan must not change result type": the table has changed.
            "0A000" => self.statements.forget(sql),
            _ => false,
        }
    }
}

impl Session for PostgresSession {
    fn is_reusable(&self) -> bool {
        self.backend.is_clean()
    }

    fn is_recoverable(&self) -> bool {
        self.backend.is_busy()
    }

    fn is_quiet(&mut self) -> bool {
        self.backend.is_quiet()
    }

    fn shrink(&mut self) {
        self.backend.shrink();
    }

    async fn recover(&mut self) -> bool {
        self.backend.recover().await;
        self.is_reusable()
    }
}

/// How a statement is sent.
struct Plan {
    /// What the server has parsed already.
    known: Option<Arc<Prepared>>,
    /// Name to parse it under, if it is to be remembered.
    name: Option<String>,
    leaves: Leaves,
}

impl Plan {
    /// Empty for the unnamed statement.
    fn statement_name(&self) -> &str {
        match &self.known {
            Some(known) => &known.name,
            None => self.name.as_deref().unwrap_or_default(),
        }
    }
}

/// A statement whose first answer is here.
struct Started {
    columns: Arc<[Column]>,
    /// Whether values come in binary form, where that is preferred.
    binary: bool,
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
#[path = "session_tests.rs"]
mod tests;
