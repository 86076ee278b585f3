//! The control database: an embedded server, or one that is already running.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, ensure};
use postern_devkit::{
    load_or_create,
    postgres::{Binaries, Cluster},
    random_hex, replace,
};
use postern_domain::Secret;
use postern_store::roles;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};
use url::Url;

use crate::state::State;

const DATABASE: &str = "postern";

/// Postgres 15, as in `server_version_num`.
const OLDEST: i32 = 150_000;

/// A control database with its roles and schema in place.
pub(crate) struct ControlDatabase {
    /// The embedded server, if there is one.
    pub cluster: Option<Cluster>,
    /// URL of a role that may create roles and databases.
    pub admin_url: String,
    urls: PathBuf,
}

impl ControlDatabase {
    /// Starts the server if needed, creates what is missing, and migrates.
    pub(crate) async fn start(state: &State, external: Option<String>) -> Result<Self> {
        let (cluster, admin_url) = match external {
            Some(url) => (None, own_database(&url).await?),
            None => embedded(state).await?,
        };
        let database = Self { cluster, admin_url, urls: state.private_dir("urls")? };
        database
            .prepare(&state.private_dir("passwords")?)
            .await
            .context("cannot prepare the control database")?;
        Ok(database)
    }

    /// A file with the URL for one of the services' roles.
    pub(crate) fn url_file(&self, role: &str) -> PathBuf {
        self.urls.join(role)
    }

    async fn prepare(&self, passwords: &Path) -> Result<()> {
        for role in roles::LOGIN_ROLES {
            let password = load_or_create(&passwords.join(role), || random_hex(24))?;
            replace(&self.url_file(role), &as_role(&self.admin_url, role, &password)?)?;
        }
        let password = |role: &str| fs::read_to_string(passwords.join(role)).ok().map(Secret::from_text);
        roles::prepare_roles(&self.admin_url, password).await?;
        roles::keep_others_out(&self.admin_url).await?;
        postern_store::migrate(&fs::read_to_string(self.url_file("postern_migrator"))?).await?;
        Ok(())
    }
}

/// The URL of Postern's database on a running server, created if missing. Nothing else on the server is changed, except
/// the roles `postern_*`.
async fn own_database(url: &str) -> Result<String> {
    let mut own = Url::parse(url).ok().context("POSTERN_DATABASE_URL is not a postgres:// URL")?;
    let mut admin = PgConnectOptions::from_str(url)?
        .disable_statement_logging()
        .connect()
        .await
        .context("cannot connect to the database of POSTERN_DATABASE_URL")?;
    let version: i32 =
        sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(&mut admin).await?;
    admin.close().await?;
    ensure!(
        version >= OLDEST,
        "POSTERN_DATABASE_URL is Postgres {}; Postern needs 15 or newer",
        version / 10_000
    );
    create_database(url, DATABASE).await?;
    own.set_path(DATABASE);
    Ok(own.into())
}

/// Starts the embedded server; returns it with its superuser's URL.
async fn embedded(state: &State) -> Result<(Option<Cluster>, String)> {
    let dir = state.file("postgres");
    let start = move || Cluster::start(&Binaries::find()?, &dir);
    let cluster = tokio::task::spawn_blocking(start).await??;
    create_database(&cluster.url("postgres"), DATABASE).await?;
    let url = cluster.url(DATABASE);
    Ok((Some(cluster), url))
}

/// The same server and database, as another role.
pub(crate) fn as_role(url: &str, role: &str, password: &str) -> Result<String> {
    let mut url = Url::parse(url).ok().context("POSTERN_DATABASE_URL is not a postgres:// URL")?;
    let set = url.set_username(role).and_then(|()| url.set_password(Some(password)));
    set.ok().context("POSTERN_DATABASE_URL has no host")?;
    Ok(url.into())
}

/// Creates a database unless it exists. The name is a constant and needs no quoting.
pub(crate) async fn create_database(admin_url: &str, name: &'static str) -> Result<()> {
    let mut admin = PgConnectOptions::from_str(admin_url)?
        .disable_statement_logging()
        .connect()
        .await
        .context("cannot connect to Postgres")?;
    let exists = sqlx::query("select from pg_database where datname = $1")
        .bind(name)
        .fetch_optional(&mut admin)
        .await?;
    if exists.is_none() {
        let create = format!("create database {name} template template0 encoding 'UTF8'");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await?;
    }
    Ok(admin.close().await?)
}
