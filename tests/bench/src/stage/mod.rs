//! The servers to measure, each in its own process. They are started on first use and stopped at the end of the run.

pub(crate) mod collector;
mod deno;
pub(crate) mod edge;
pub(crate) mod empty;
pub(crate) mod http;
pub(crate) mod openbao;
pub(crate) mod postern;
mod process;
pub(crate) mod supabase;
pub(crate) mod tenant;

use std::{
    fmt,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use postern_devkit::postgres::{Binaries, Cluster};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use collector::Collector;
use edge::EdgeFunction;
use empty::EmptyRpc;
pub(crate) use empty::serve as serve_empty;
use openbao::OpenBao;
use postern::Postern;
use supabase::Supabase;
use tenant::Tenant;

/// The servers started so far. Dropping it stops them, clients before their servers, and then deletes the folder.
pub(crate) struct Stage {
    empty: OnceCell<EmptyRpc>,
    edge: OnceCell<Result<EdgeFunction, Missing>>,
    openbao: OnceCell<Result<OpenBao, Missing>>,
    postern: OnceCell<Postern>,
    supabase: OnceCell<Supabase>,
    tenant: OnceCell<Tenant>,
    folder: TempDir,
}

/// Why a peer is not available on this machine, in a few words.
#[derive(Clone, Debug)]
pub(crate) struct Missing(Arc<str>);

impl Missing {
    pub(crate) fn new(reason: impl Into<Arc<str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Stage {
    /// Creates a stage without servers.
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("postern-bench-").tempdir();
        let folder = folder.context("cannot make a temporary folder")?;
        // When run as root, Postgres runs as another user, who needs access to the folder.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711))?;
        let (empty, edge, openbao, postern, supabase, tenant) = Default::default();
        Ok(Self { empty, edge, openbao, postern, supabase, tenant, folder })
    }

    /// A whole Postern.
    pub(crate) async fn postern(&self) -> Result<&Postern> {
        let start = || Postern::start(self.folder.path(), "postern", None);
        self.postern.get_or_try_init(start).await.context("cannot start Postern")
    }

    /// A further Postern that one row has for itself.
    pub(crate) async fn another_postern(&self, name: &str) -> Result<Postern> {
        Postern::start(self.folder.path(), name, None).await.context("cannot start another Postern")
    }

    /// A further Postern, whose traces go to a collector.
    pub(crate) async fn traced_postern(&self) -> Result<(Postern, Collector)> {
        let collector = Collector::start(self.folder.path()).await.context("cannot start the collector")?;
        let postern = Postern::start(self.folder.path(), "traced", Some(&collector)).await;
        Ok((postern.context("cannot start a traced Postern")?, collector))
    }

    /// The tenant database, which all sides query.
    pub(crate) async fn tenant(&self) -> Result<&Tenant> {
        let start = || Tenant::start(self.folder.path());
        self.tenant.get_or_try_init(start).await.context("cannot start the tenant's database")
    }

    /// A Supabase project.
    pub(crate) async fn supabase(&self) -> Result<&Supabase> {
        self.supabase.get_or_try_init(Supabase::start).await.context("cannot start a Supabase project")
    }

    /// The edge function, or why it is not available.
    pub(crate) async fn edge_function(&self) -> Result<&EdgeFunction, Missing> {
        let start = async || {
            let started = EdgeFunction::start(self.folder.path()).await;
            started.map_err(|error| Missing::new(format!("{error:#}")))
        };
        self.edge.get_or_init(start).await.as_ref().map_err(Clone::clone)
    }

    /// An `OpenBao` server, or why it is not available.
    pub(crate) async fn openbao(&self) -> Result<&OpenBao, Missing> {
        let start = async || OpenBao::start().await.map_err(|error| Missing::new(format!("{error:#}")));
        self.openbao.get_or_init(start).await.as_ref().map_err(Clone::clone)
    }

    /// A server for an empty RPC, with crypto-service's settings and certificate.
    pub(crate) async fn empty(&self) -> Result<&EmptyRpc> {
        let certificates = self.postern().await?.certificates();
        let start = || EmptyRpc::start(self.folder.path(), certificates);
        self.empty.get_or_try_init(start).await.context("cannot start the empty RPC")
    }
}

/// Starts a Postgres with its data in `dir` and room for the sessions of thousands of owners.
async fn start_postgres(dir: PathBuf) -> Result<Cluster> {
    let start = move || Cluster::start_with(&Binaries::find()?, &dir, &["max_connections=2600"]);
    tokio::task::spawn_blocking(start).await?
}

/// Runs statements as `cluster`'s superuser.
async fn as_superuser(cluster: &Cluster, database: &str, statements: &str) -> Result<()> {
    let client = tenant::connect(&cluster.url(database)).await?;
    Ok(client.batch_execute(statements).await?)
}

/// The folder of this program, which also contains the builds of the services.
fn builds() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program has no path")?;
    program.parent().map(Path::to_owned).context("this program is in no folder")
}
