//! Transactions, and transactions on behalf of one owner.

use std::time::Duration;

use futures_util::future::BoxFuture;
use postern_domain::{Caller, OwnerId};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row, postgres::PgArguments, query::Query};

use super::{CALL, Database, finish, lease::within};
use crate::{StoreError, literal, turns::Turn};

/// On whose behalf a transaction runs.
pub enum Scope {
    /// The caller of a request: refused if an operator has withdrawn its access.
    Caller(Caller),
    /// An owner who has not called: work of an operator's.
    Owner(OwnerId),
}

impl Scope {
    /// The owner of the rows that the transaction sees.
    pub(crate) fn owner(&self) -> OwnerId {
        match self {
            Self::Caller(caller) => caller.owner,
            Self::Owner(owner) => *owner,
        }
    }
}

impl From<Caller> for Scope {
    fn from(caller: Caller) -> Self {
        Self::Caller(caller)
    }
}

impl From<OwnerId> for Scope {
    fn from(owner: OwnerId) -> Self {
        Self::Owner(owner)
    }
}

/// Runs `work` in a transaction that sees the rows of one owner only, and commits if it succeeds.
///
/// The owner is set for this transaction only, so that it cannot leak to the next user of the connection, behind a
/// transaction-mode pooler too. When the caller is dropped, the transaction still ends; `turn` is held until then.
pub(crate) async fn as_owner<T: Send + 'static>(
    database: &Database,
    turn: Turn,
    scope: impl Into<Scope>,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let database = database.clone();
    let begin = begin(&scope.into());
    finish(async move {
        let _turn = turn;
        run(&database, CALL, begin, work).await
    })
    .await
}

/// Starts the transaction, sets the owner, and asks whether the caller's access is withdrawn: one round trip.
fn begin(scope: &Scope) -> String {
    let (owner, check) = match scope {
        Scope::Caller(caller) => (caller.owner, check(caller)),
        Scope::Owner(owner) => (*owner, "false".to_owned()),
    };
    // A UUID prints as hexadecimal digits and dashes: nothing to escape.
    format!("begin; set local postern.owner_id = '{owner}'; /* access.check */ select {check}")
}

fn check(Caller { owner, issuer, token_id }: &Caller) -> String {
    format!(
        "postern.access_is_withdrawn({}, {}, {})",
        literal::uuid(&owner.0),
        literal::text(issuer),
        literal::optional(token_id.as_deref(), literal::text),
    )
}

/// Runs `work` in a transaction, within `time`, and commits if it succeeds. `begin` starts it and makes its settings,
/// in one round trip. When the caller is dropped, the transaction still ends.
pub(crate) async fn transaction<T: Send + 'static>(
    database: &Database,
    time: Duration,
    begin: &'static str,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let database = database.clone();
    finish(async move { run(&database, time, begin.to_owned(), work).await }).await
}

async fn run<T>(
    database: &Database,
    time: Duration,
    begin: String,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut lease = database.lease().await?;
    let outcome = within(time, commit(lease.connection(), begin, work)).await;
    lease.settle(outcome)
}

/// Not a transaction of sqlx's, which would not read the answer to what starts it: a row that says whether the caller's
/// access is withdrawn, if there is a caller. If this is dropped or fails half-way, the connection is closed by its
/// lease.
async fn commit<T>(
    connection: &mut PgConnection,
    begin: String,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = sqlx::raw_sql(AssertSqlSafe(begin)).fetch_optional(&mut *connection).await?;
    let withdrawn = answer.map_or(Ok(false), |row| row.try_get(0))?;
    let done = if withdrawn { Err(StoreError::AccessWithdrawn) } else { work(&mut *connection).await };
    let end = if done.is_ok() { "commit" } else { "rollback" };
    sqlx::raw_sql(end).execute(connection).await?;
    done
}

/// A statement with parameters, for use inside a transaction.
pub(crate) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// An unnamed statement: behind a transaction-mode pooler, another session may have given its name to another
/// statement.
pub(crate) fn query(sql: &'static str) -> PgQuery<'static> {
    sqlx::query(sql).persistent(false)
}
