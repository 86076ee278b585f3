//! Transactions, and transactions on behalf of one owner.

use futures_util::future::BoxFuture;
use postern_domain::OwnerId;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, postgres::PgArguments, query::Query};

use super::{CALL, Database, finish, lease::within};
use crate::StoreError;

/// Runs `work` in a transaction that sees the rows of `owner` only, and commits if it succeeds.
///
/// The owner is set for this transaction only, so that it cannot leak to the next user of the connection, behind a
/// transaction-mode pooler too. When the caller is dropped, the transaction still ends.
pub(crate) async fn as_owner<T: Send + 'static>(
    database: &Database,
    owner: OwnerId,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let database = database.clone();
    // A UUID prints as hexadecimal digits and dashes: nothing to escape.
    let begin = format!("begin; set local postern.owner_id = '{owner}'");
    finish(async move {
        let mut lease = database.lease().await?;
        let outcome = within(CALL, commit(lease.connection(), begin, work)).await;
        lease.settle(outcome)
    })
    .await
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

/// Runs `work` in a transaction of sqlx's own pool, and commits if it succeeds. `begin` starts it and makes its
/// settings, in one round trip. For work in the background.
///
/// The work runs in a task of its own: when the caller is dropped, it still ends, whereas sqlx would leave the
/// connection in an unknown state.
pub(crate) async fn transaction<T: Send + 'static>(
    pool: &PgPool,
    begin: String,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut transaction = pool.begin_with(AssertSqlSafe(begin)).await?;
        let value = work(&mut transaction).await?;
        transaction.commit().await?;
        Ok(value)
    });
    task.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// A statement with parameters, for use inside a transaction.
pub(crate) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// An unnamed statement: behind a transaction-mode pooler, another session may have given its name to another
/// statement.
pub(crate) fn query(sql: &'static str) -> PgQuery<'static> {
    sqlx::query(sql).persistent(false)
}
