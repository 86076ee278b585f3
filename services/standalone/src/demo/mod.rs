//! A demo tenant database, and a connection to it for every new user.

mod welcome;

use std::str::FromStr;

use anyhow::{Context, Result};
use postern_devkit::{load_or_create, random_hex};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use url::Url;

use crate::{
    database::{ControlDatabase, as_role, create_database},
    state::State,
};
pub(crate) use welcome::Welcome;

const DATABASE: &str = "postern_demo";
const ROLE: &str = "postern_demo_reader";

/// Customers, products and 10,000 orders.
const SEED: &str = include_str!("seed.sql");

/// How to reach the demo database, as a user would write it.
pub(crate) struct Demo {
    /// A DSN with the password of a read-only role.
    pub dsn: String,
    /// Host and port of the server.
    pub server: String,
}

/// Creates and fills the demo database unless it exists.
pub(crate) async fn prepare(state: &State, database: &ControlDatabase) -> Result<Demo> {
    let password = load_or_create(&state.private_dir("passwords")?.join(ROLE), || random_hex(24))?;
    create_database(&database.admin_url, DATABASE).await?;
    let mut url =
        Url::parse(&database.admin_url).ok().context("POSTERN_DATABASE_URL is not a postgres:// URL")?;
    url.set_path(DATABASE);
    let mut admin = PgConnectOptions::from_str(url.as_str())?.disable_statement_logging().connect().await?;
    fill(&mut admin, &password).await.context("the demo database cannot be filled")?;
    admin.close().await?;

    url.set_query(Some("sslmode=disable"));
    let server = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(5432));
    Ok(Demo { dsn: as_role(url.as_str(), ROLE, &password)?, server })
}

async fn fill(admin: &mut PgConnection, password: &str) -> Result<()> {
    let role =
        sqlx::query("select from pg_roles where rolname = $1").bind(ROLE).fetch_optional(&mut *admin).await?;
    if role.is_none() {
        sqlx::raw_sql(AssertSqlSafe(format!("create role {ROLE} login"))).execute(&mut *admin).await?;
    }
    // The password is hexadecimal and needs no escaping.
    let set_password = format!("alter role {ROLE} password '{password}'");
    sqlx::raw_sql(AssertSqlSafe(set_password)).execute(&mut *admin).await?;
    let filled = sqlx::query("select where to_regclass('public.orders') is not null")
        .fetch_optional(&mut *admin)
        .await?;
    if filled.is_none() {
        let mut transaction = admin.begin().await?;
        sqlx::raw_sql(SEED).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}
