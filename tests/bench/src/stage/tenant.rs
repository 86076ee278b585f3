//! The tenant's database: one server and one table for all competitors.

use std::path::Path;

use anyhow::{Context, Result};
use postern_devkit::{postgres::Cluster, random_hex};
use tokio_postgres::{Client, NoTls};

use super::{as_superuser, start_postgres};

/// Name under which the competitors save the connection to it.
pub(crate) const CONNECTION: &str = "tenant";

/// Rows of `item (id, label)`, whose keys are 1 to this number.
pub(crate) const ITEMS: i32 = 100_000;

/// Name of its database and its role.
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
        tenant.fill().await.context("the tenant's table cannot be filled")?;
        Ok(tenant)
    }

    /// The DSN that a user would save.
    pub(crate) fn dsn(&self) -> String {
        let (password, port) = (&self.password, self.cluster.port());
        format!("postgresql://{NAME}:{password}@127.0.0.1:{port}/{NAME}?sslmode=disable")
    }

    /// A connection of the driver's own, with nothing in between.
    pub(crate) async fn connect(&self) -> Result<Client> {
        connect(&self.dsn()).await
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

/// A connection that ends when the client is dropped.
pub(super) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("Postgres does not answer")?;
    tokio::spawn(connection);
    Ok(client)
}
