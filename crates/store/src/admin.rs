//! Preparing a control database: schema and migrations. An operator's work, or the development server's.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

use tokio::time::timeout;

use crate::{StoreError, role::refuse_opportunistic_tls, roles};

/// Time that the server has to let us in.
const CONNECT: Duration = Duration::from_secs(10);

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to date, as `postern_migrator`. Waits for another migration that is running. Refuses while a
/// role is missing: the migrator cannot create roles.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect(url).await?;
    roles::refuse_missing(&mut connection).await?;
    // Everything belongs to a role that nobody can sign in as, the table of migrations too.
    sqlx::raw_sql("set role postern_owner; create schema if not exists postern; set search_path = postern")
        .execute(&mut connection)
        .await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            StoreError::Database(error)
        }
        other => StoreError::Unfit(other.to_string()),
    })?;
    Ok(connection.close().await?)
}

pub(crate) async fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let options =
        PgConnectOptions::from_str(url).map_err(|_| StoreError::Unfit("its URL cannot be read".into()))?;
    refuse_opportunistic_tls(&options)?;
    let options = options.application_name("postern-admin").disable_statement_logging();
    let connected = timeout(CONNECT, options.connect()).await;
    Ok(connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))?)
}
