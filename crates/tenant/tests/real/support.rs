//! A real server for the tests of one file, and ways to it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use postern_devkit::postgres::{Binaries, Cluster, SUPERUSER};
use postern_domain::{AccessMode, CaBundle, Host, PostgresEndpoint, Secret, TlsMode};
use postern_egress::{Dialer, Policy, SystemResolver};
use postern_tenant::{
    Column, ColumnValues, PostgresSession, RowBatch, Statement, Summary, TenantError, connect,
};
use tempfile::TempDir;
use tokio::time::Instant;

/// A server, shared by the tests that run at the same time.
pub(crate) struct Server {
    cluster: Cluster,
    pub(crate) dir: TempDir,
}

pub(crate) fn server() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let cluster = Cluster::start(&Binaries::find().unwrap(), dir.path()).unwrap();
        Self { cluster, dir }
    }

    pub(crate) fn endpoint(&self) -> PostgresEndpoint {
        PostgresEndpoint {
            host: Host::parse("127.0.0.1").unwrap(),
            port: self.cluster.port(),
            database: "postgres".into(),
            user: SUPERUSER.into(),
            tls_mode: TlsMode::Disable,
            ca: CaBundle::default(),
            access_mode: AccessMode::ReadOnly,
        }
    }

    pub(crate) fn password(&self) -> Secret {
        let url = self.cluster.url("postgres");
        let password = url.split([':', '@']).nth(2).unwrap();
        Secret::from_text(password.to_owned())
    }

    pub(crate) async fn connect_to(
        &self,
        endpoint: &PostgresEndpoint,
    ) -> Result<PostgresSession, TenantError> {
        let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
        connect(&dialer, endpoint, &self.password(), soon()).await
    }

    pub(crate) async fn connect(&self) -> PostgresSession {
        self.connect_to(&self.endpoint()).await.unwrap()
    }
}

pub(crate) fn reading(sql: &str) -> Statement<'_> {
    Statement::new(sql, soon())
}

pub(crate) fn writing(sql: &str) -> Statement<'_> {
    Statement { access_mode: AccessMode::ReadWrite, ..reading(sql) }
}

/// A whole result.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) columns: Arc<[Column]>,
    pub(crate) batches: Vec<RowBatch>,
    pub(crate) summary: Summary,
}

impl Outcome {
    /// The texts of a column of the first batch.
    pub(crate) fn texts(&self, column: usize) -> &[String] {
        match &self.batches[0].columns[column].values {
            ColumnValues::Text(texts) => texts,
            other => panic!("{other:?}"),
        }
    }

    /// The numbers of a column, of all batches.
    pub(crate) fn ints(&self, column: usize) -> Vec<i64> {
        let ints = |batch: &RowBatch| match &batch.columns[column].values {
            ColumnValues::Int(ints) => ints.clone(),
            other => panic!("{other:?}"),
        };
        self.batches.iter().flat_map(ints).collect()
    }
}

/// Runs a statement to its end.
pub(crate) async fn run(
    connection: &mut PostgresSession,
    statement: Statement<'_>,
) -> Result<Outcome, TenantError> {
    let mut rows = connection.query(&statement).await?;
    let columns = Arc::clone(rows.columns());
    let mut batches = Vec::new();
    while let Some(batch) = rows.next_batch().await? {
        batches.push(batch);
    }
    Ok(Outcome { columns, batches, summary: rows.summary().unwrap().clone() })
}

/// The SQLSTATE of a failure that must be one of the server's own.
pub(crate) fn sqlstate(result: Result<Outcome, TenantError>) -> String {
    match result {
        Err(TenantError::Sql(error)) => error.sqlstate.clone(),
        other => panic!("{other:?}"),
    }
}
