//! The schema of the control database.

use sqlx::{Connection, PgConnection, migrate::MigrateError};

use crate::{StoreError, connect, roles};

/// The newest migration. Services need this schema or a newer one.
pub const SCHEMA_VERSION: i32 = 8;

/// Brings the schema up to date, as `postern_migrator`. Waits for another migration that is running. Refuses while a
/// role is missing: the migrator cannot create roles.
///
/// Runs in one transaction, and all it sets is local to that transaction: a pooler in transaction mode gives the
/// session to others afterwards, who must not inherit a lock, the role or the search path.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect::operator(url).await?;
    // The isolation level is set explicitly, so that what a migration in progress writes is seen after the wait for it.
    let mut transaction = connection.begin_with("begin isolation level read committed").await?;
    let applied = apply(&mut transaction).await;
    transaction.clear_cached_statements().await?;
    match applied {
        Ok(()) => transaction.commit().await?,
        Err(error) => {
            transaction.rollback().await?;
            return Err(error);
        }
    }
    Ok(connection.close().await?)
}

async fn apply(transaction: &mut PgConnection) -> Result<(), StoreError> {
    roles::refuse_missing(transaction).await?;
    // Everything belongs to a role that nobody can sign in as, the table of migrations too.
    let prepare = "/* migrate.lock */ select pg_advisory_xact_lock(hashtextextended('postern.migrate', 0));
        set local role postern_owner; create schema if not exists postern; set local search_path = postern";
    sqlx::raw_sql(prepare).execute(&mut *transaction).await?;
    let mut migrations = sqlx::migrate!("./migrations");
    // sqlx's own lock belongs to the session.
    migrations.set_locking(false);
    migrations.run_direct(None, transaction, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Unfit(other.to_string()),
    })
}
