//! A tenant's Postgres: a server of its own, as a user would bring one.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use postern_devkit::postgres::{Binaries, Cluster};
use postern_rpc::connection::{AccessMode, PostgresEndpoint, TlsMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{folder, runtime};

/// A running Postgres that has nothing to do with the control database.
pub struct TenantServer {
    cluster: Cluster,
    _folder: TempDir,
}

/// A database on it, with a role that owns it.
pub struct TenantDatabase {
    /// The name of both database and role.
    pub name: String,
    port: u16,
    admin_url: String,
}

impl TenantServer {
    /// The server that all tests of this binary share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<TenantServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// One of its own.
    pub async fn start() -> Self {
        let folder = folder();
        let dir = folder.path().join("tenant");
        let start = move || Cluster::start(&Binaries::find()?, &dir);
        let started = runtime::shared().spawn_blocking(start).await.expect("the start does not panic");
        Self { cluster: started.expect("Postgres starts"), _folder: folder }
    }

    /// A new database, owned by a new role with this password.
    pub async fn database(&self, password: &str) -> TenantDatabase {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("tenant_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let admin_url = self.cluster.url("postgres");
        let database = TenantDatabase { name: name.clone(), port: self.cluster.port(), admin_url };
        database.as_admin(&format!("create role {name} login password '{password}'")).await;
        database.as_admin(&format!("create database {name} owner {name} template template0")).await;
        database
    }
}

impl TenantDatabase {
    /// Where it is and who signs in, as a connection has it that is saved without a DSN, and without a password.
    pub fn endpoint(&self, access_mode: AccessMode) -> PostgresEndpoint {
        PostgresEndpoint {
            host: "127.0.0.1".into(),
            port: self.port().into(),
            database: self.name.clone(),
            user: self.name.clone(),
            tls_mode: TlsMode::Disable.into(),
            access_mode: access_mode.into(),
            ..PostgresEndpoint::default()
        }
    }

    /// TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The DSN that a user would paste.
    pub fn dsn(&self, password: &str) -> String {
        format!("postgresql://{0}:{password}@127.0.0.1:{1}/{0}?sslmode=disable", self.name, self.port)
    }

    /// Gives the role another password.
    pub async fn set_password(&self, password: &str) {
        self.as_admin(&format!("alter role {} password '{password}'", self.name)).await;
    }

    /// Runs statements in the database `postgres`, as the superuser.
    pub async fn as_admin(&self, sql: &str) {
        run(&self.admin_url, sql).await;
    }

    /// Runs statements in this database, as its owner.
    pub async fn as_owner(&self, password: &str, sql: &str) {
        run(&self.dsn(password), sql).await;
    }

    /// Asks the database `postgres` for one number, as the superuser.
    pub async fn ask(&self, sql: &str) -> i64 {
        let mut admin = connect(&self.admin_url).await;
        let number =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut admin).await.expect("the question is SQL");
        admin.close().await.expect("a connection can be closed");
        number
    }
}

async fn run(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statements are SQL");
    connection.close().await.expect("a connection can be closed");
}

async fn connect(url: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(url).expect("the URL is ours");
    options.disable_statement_logging().connect().await.expect("the tenant's server answers")
}
