//! A Supabase project: a real PostgREST over a real Postgres, behind a gateway that treats keys as Supabase's does.

mod gateway;
mod keys;
mod seen;
mod services;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::{
    TenantDatabase, TenantServer, folder,
    postgrest::{PostgRest, Served},
    runtime,
};
use gateway::Gateway;
pub use keys::Keys;
pub use seen::{Outcome, SeenRequest};

const ROLES: &str = include_str!("roles.sql");
const SCHEMA: &str = include_str!("schema.sql");
const ROWS: &str = include_str!("rows.sql");

/// Password of the project's database roles.
const PASSWORD: &str = "supabase";

/// A running project with a small shop in it (`schema.sql`, `rows.sql`). It ends when dropped, or with this process.
///
/// Schemas `public` and `warehouse` are exposed. The keys [`Keys::publishable`] and [`Keys::anon`] see the customers
/// that are listed; the secret keys bypass row level security; nobody was granted the table `ungranted`.
pub struct SupabaseProject {
    keys: Keys,
    ca_pem: String,
    port: u16,
    database: TenantDatabase,
    gateway: Arc<Gateway>,
    folder: TempDir,
    serving: AbortHandle,
    _postgrest: PostgRest,
}

impl SupabaseProject {
    /// Starts a project with a database of its own on this server; installs PostgREST first if it is missing.
    pub async fn start(server: &TenantServer) -> Self {
        let started = Self::try_start(server).await;
        started.unwrap_or_else(|error| panic!("no Supabase project can be started: {error:#}"))
    }

    /// [`SupabaseProject::start`] where PostgREST may be unavailable.
    pub async fn try_start(server: &TenantServer) -> Result<Self> {
        let (keys, folder) = (Keys::random(), folder());
        let database = server.database(PASSWORD).await;
        let authenticator = set_up(&database).await;
        let socket = folder.path().join("postgrest.socket");
        let postgrest =
            start_postgrest(socket.clone(), database.port(), authenticator, &database, &keys).await?;
        let (tls, ca_pem) = gateway::certificate()?;
        fs::write(folder.path().join("ca.pem"), &ca_pem)?;
        let gateway = Gateway::new(keys.clone(), socket);
        // On the runtime that outlives the test which happens to start it.
        let bind = runtime::shared().spawn(TcpListener::bind(("127.0.0.1", 0)));
        let listener = bind.await?.context("no free port on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        let serving = runtime::shared().spawn(gateway.clone().serve(listener, tls)).abort_handle();
        Ok(Self { keys, ca_pem, port, database, gateway, folder, serving, _postgrest: postgrest })
    }

    /// The project's URL, `https://localhost:<port>`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The project's keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// PEM of the authority that signed the gateway's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A file with [`SupabaseProject::ca_pem`].
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The project's database. PostgREST looks at a changed schema after `notify pgrst, 'reload schema'`.
    pub fn database(&self) -> &TenantDatabase {
        &self.database
    }

    /// Runs statements as the owner of the database.
    pub async fn sql(&self, statements: &str) {
        self.database.as_owner(PASSWORD, statements).await;
    }

    /// Puts rows, sequences and stored objects back to how they were at the start.
    pub async fn reset(&self) {
        self.gateway.objects.clear();
        self.sql(ROWS).await;
    }

    /// The requests since the start, or since [`SupabaseProject::forget_requests`], in the order of their arrival.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.gateway.seen.requests()
    }

    /// Begins a new list of requests.
    pub fn forget_requests(&self) {
        self.gateway.seen.clear();
    }

    /// From now on the gateway refuses this key.
    pub fn revoke(&self, key: &str) {
        self.gateway.keys.lock().unwrap_or_else(PoisonError::into_inner).revoke(key);
    }

    /// Pauses the project, which then answers 540, or restores it.
    pub fn set_paused(&self, paused: bool) {
        self.gateway.paused.store(paused, Ordering::Relaxed);
    }
}

impl Drop for SupabaseProject {
    fn drop(&mut self) {
        // Open connections end with the task that holds them.
        self.serving.abort();
    }
}

/// Makes roles, tables and rows, and returns the name of the role that PostgREST signs in as.
async fn set_up(database: &TenantDatabase) -> String {
    let authenticator = format!("{}_authenticator", database.name);
    let grant = format!(
        "create role {authenticator} login noinherit password '{PASSWORD}';\n\
         grant anon, authenticated, service_role to {authenticator};"
    );
    database.as_admin(&format!("{ROLES}\n{grant}")).await;
    database.as_owner(PASSWORD, SCHEMA).await;
    database.as_owner(PASSWORD, ROWS).await;
    authenticator
}

async fn start_postgrest(
    socket: PathBuf,
    port: u16,
    authenticator: String,
    database: &TenantDatabase,
    keys: &Keys,
) -> Result<PostgRest> {
    let url = format!("postgres://{authenticator}:{PASSWORD}@127.0.0.1:{port}/{}", database.name);
    let jwt_secret = keys.jwt_secret.clone();
    let start = move || spawn(&socket, &url, &jwt_secret);
    runtime::shared().spawn_blocking(start).await.context("the start panicked")?
}

fn spawn(socket: &Path, database_url: &str, jwt_secret: &str) -> Result<PostgRest> {
    PostgRest::start(socket, &Served { database_url, schemas: "public,warehouse", jwt_secret })
}
