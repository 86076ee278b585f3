//! The schema of the control database.

use sqlx::{
    Connection,
    migrate::{MigrateError, Migrator},
};

use crate::{StoreError, connect, roles};

/// The newest migration. Services need this schema or a newer one.
pub const SCHEMA_VERSION: i32 = 6;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to date, as `postern_migrator`. Waits for another migration that is running. Refuses while a
/// role is missing: the migrator cannot create roles.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect::operator(url).await?;
    roles::refuse_missing(&mut connection).await?;
    // Everything belongs to a role that nobody can sign in as, the table of migrations too.
    sqlx::raw_sql("set role postern_owner; create schema if not exists postern; set search_path = postern")
        .execute(&mut connection)
        .await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Unfit(other.to_string()),
    })?;
    Ok(connection.close().await?)
}
