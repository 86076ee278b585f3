//! Transactions, and transactions on behalf of one owner.

use std::time::Duration;

use futures_util::future::BoxFuture;
use postern_domain::OwnerId;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, postgres::PgArguments, query::Query};

use super::{CALL, Database, finish, lease::within};
use crate::{StoreError, turns::Turn};

/// Runs `work` in a transaction that sees the rows of `owner` only, and commits if it succeeds.
///
/// The owner is set for this transaction only, so that it cannot leak to the next user of the connection, behind a
/// transaction-mode pooler too. When the caller is dropped, the transaction still ends; `turn` is held until then.
pub(crate) async fn as_owner<T: Send + 'static>(
    database: &Database,
    turn: Turn,
    owner: OwnerId,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let database = database.clone();
    // A UUID prints as hexadecimal digits and dashes: nothing to escape.
    let begin = format!("begin; set local postern.owner_id = '{owner}'");
    finish(async move {
        let _turn = turn;
        run(&database, CALL, begin, work).await
    })
    .await
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

async fn commit<T>(
    connection: &mut PgConnection,
    begin: String,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
    match work(&mut transaction).await {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

/// A statement with parameters, for use inside a transaction.
pub(crate) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// An unnamed statement: behind a transaction-mode pooler, another session may have given its name to another
/// statement.
pub(crate) fn query(sql: &'static str) -> PgQuery<'static> {
    sqlx::query(sql).persistent(false)
}
