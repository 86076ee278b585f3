//! Preparing a control database: roles, schema, migrations. An operator's work, or the development server's.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

use tokio::time::timeout;

use crate::StoreError;

/// Time that the server has to let us in.
const CONNECT: Duration = Duration::from_secs(10);

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Roles that can sign in, beside `postern_owner`, which cannot and owns the schema.
pub const LOGIN_ROLES: [&str; 4] =
    ["postern_migrator", "postern_connection", "postern_proxy", "postern_rewrap"];

/// Creates what is missing of the roles, as a superuser or a role with CREATEROLE, and sets the passwords.
///
/// `passwords` gives one for each of [`LOGIN_ROLES`]. Running it again is safe, and changes the passwords.
pub async fn prepare_roles(url: &str, passwords: impl Fn(&str) -> String) -> Result<(), StoreError> {
    let mut admin = connect(url).await?;
    create_role(&mut admin, "postern_owner", "nologin").await?;
    for role in LOGIN_ROLES {
        create_role(&mut admin, role, "login").await?;
        set_password(&mut admin, role, &passwords(role)).await?;
    }
    let database: String =
        sqlx::query_scalar("select quote_ident(current_database())").fetch_one(&mut admin).await?;
    for statement in [
        "grant postern_owner to postern_migrator".to_owned(),
        format!("revoke all on database {database} from public"),
        format!("grant create, connect on database {database} to postern_owner"),
        format!("grant connect on database {database} to {}", LOGIN_ROLES.join(", ")),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await?;
    }
    Ok(admin.close().await?)
}

async fn create_role(admin: &mut PgConnection, role: &str, login: &str) -> Result<(), StoreError> {
    let exists =
        sqlx::query("select from pg_roles where rolname = $1").bind(role).fetch_optional(&mut *admin).await?;
    if exists.is_none() {
        let create = format!("create role {role} {login} nocreatedb nocreaterole");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(admin).await?;
    }
    Ok(())
}

/// The server makes the statement, so that it does the quoting.
async fn set_password(admin: &mut PgConnection, role: &str, password: &str) -> Result<(), StoreError> {
    let row = sqlx::query("select format('alter role %I password %L', $1::text, $2::text) as statement");
    let statement: String =
        row.bind(role).bind(password).fetch_one(&mut *admin).await?.try_get("statement")?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await?;
    Ok(())
}

/// Brings the schema up to date, as `postern_migrator`. Waits for another migration that is running. Refuses while a
/// role is missing: the migrator cannot create roles.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect(url).await?;
    refuse_missing_roles(&mut connection).await?;
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

async fn refuse_missing_roles(connection: &mut PgConnection) -> Result<(), StoreError> {
    for role in LOGIN_ROLES {
        let exists = sqlx::query("select from pg_roles where rolname = $1").bind(role);
        if exists.fetch_optional(&mut *connection).await?.is_none() {
            let message = format!(
                "the role {role} is missing; as an administrator, run: create role {role} login nocreatedb nocreaterole; \
                 grant it connect on this database, and set its password"
            );
            return Err(StoreError::Unfit(message));
        }
    }
    Ok(())
}

async fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let options =
        PgConnectOptions::from_str(url).map_err(|_| StoreError::Unfit("its URL cannot be read".into()))?;
    let options = options.application_name("postern-admin").disable_statement_logging();
    let connected = timeout(CONNECT, options.connect()).await;
    connected.map_err(|_| StoreError::Unfit("it does not answer".into()))?.map_err(StoreError::from)
}
