//! Runs the tenant's database: one server with two tables, which all sides query.

use std::path::Path;

use anyhow::{Context, Result};
use postern_devkit::{postgres::Cluster, random_hex};
use tokio_postgres::{Client, NoTls};

use super::{as_superuser, start_postgres};

/// The name under which each side saves its connection to it.
pub(crate) const CONNECTION: &str = "tenant";

/// Number of rows in `item (id, label)`; the keys are 1 to this number.
pub(crate) const ITEMS: i32 = 100_000;

/// Number of rows in `wide`, which has ten columns.
pub(crate) const WIDE_ROWS: u32 = 1_000_000;

/// Name of the database and of its role.
const NAME: &str = "bench_tenant";

/// A running server.
pub(crate) struct Tenant {
    password: String,
    cluster: Cluster,
}

impl Tenant {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let cluster = start_postgres(folder.join("tenant")).await?;
        let password = random_hex(12)?;
        let role = format!("create role {NAME} login password '{password}'");
        as_superuser(&cluster, "postgres", &role).await?;
        as_superuser(&cluster, "postgres", &format!("create database {NAME} owner {NAME}")).await?;
        let tenant = Self { password, cluster };
        tenant.fill().await.context("cannot fill the tenant's table")?;
        Ok(tenant)
    }

    /// The connection string that a user would save.
    pub(crate) fn dsn(&self) -> String {
        let (password, port) = (&self.password, self.cluster.port());
        format!("postgresql://{NAME}:{password}@127.0.0.1:{port}/{NAME}?sslmode=disable")
    }

    /// A direct connection with tokio-postgres.
    pub(crate) async fn connect(&self) -> Result<Client> {
        connect(&self.dsn()).await
    }

    /// Fills `wide`, unless it is filled already.
    pub(crate) async fn fill_wide(&self) -> Result<()> {
        let owner = self.connect().await?;
        if owner.query_one("select to_regclass('wide') is null", &[]).await?.get(0) {
            owner.batch_execute(&wide()).await.context("cannot fill the table for streams")?;
            owner.batch_execute("vacuum analyze wide").await?;
        }
        Ok(())
    }

    /// Sessions of the tenant's role that are open now.
    pub(crate) async fn sessions(&self) -> Result<i64> {
        let count = format!("select count(*) from pg_stat_activity where usename = '{NAME}'");
        let superuser = connect(&self.cluster.url("postgres")).await?;
        Ok(superuser.query_one(&count, &[]).await?.get(0))
    }

    async fn fill(&self) -> Result<()> {
        let table = format!(
            "create table item (id int primary key, label text not null);
             insert into item select n, 'label of item ' || n from generate_series(1, {ITEMS}) n;"
        );
        let owner = self.connect().await?;
        owner.batch_execute(&table).await?;
        Ok(owner.batch_execute("vacuum analyze item").await?)
    }
}

fn wide() -> String {
    format!(
        "create table wide as select n as id, n % 1000 as shop, n::int8 * 1000003 as code, n % 7 = 0 as paid,
                n::float8 / 8 as weight, (n % 10000)::numeric / 100 as price, 'customer ' || n % 5000 as customer,
                'city ' || n % 300 as city, nullif('note ' || n % 4, 'note 0') as note,
                timestamptz '2026-01-01' + n * interval '1 second' as placed
           from generate_series(1, {WIDE_ROWS}) n;
         alter table wide add primary key (id)"
    )
}

/// Connects. The connection closes when the client is dropped.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("cannot connect to Postgres")?;
    tokio::spawn(connection);
    Ok(client)
}
