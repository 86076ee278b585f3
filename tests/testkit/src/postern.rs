//! A whole Postern in this process.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use postern_chassis::{
    Lifecycle,
    lifecycle::StopTimes,
    telemetry::{Running, Telemetry},
};
use postern_devkit::{
    ca::{DevCa, ServiceFiles},
    issuer::DevIssuer,
};
use postern_standalone::{ISSUER, Options, PoolLimits, SignIn, Stack};
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::JoinHandle};

use crate::{User, folder, runtime};

/// A running Postern with an empty control database.
pub struct Postern {
    url: String,
    crypto_url: String,
    folder: TempDir,
    issuer: DevIssuer,
    life: Lifecycle,
    ended: Mutex<Option<JoinHandle<anyhow::Result<()>>>>,
    telemetry: Mutex<Option<Running>>,
}

impl Postern {
    /// The Postern that all tests of this binary share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postern> = OnceCell::const_new();
        SHARED.get_or_init(async || Self::start(None).await).await
    }

    /// One of its own, with a built console or without one.
    pub async fn start(console: Option<PathBuf>) -> Self {
        Self::start_with(console, StopTimes::default(), None, None).await
    }

    /// [`Postern::start`] with sign-in by an identity provider.
    pub async fn with_sign_in(console: Option<PathBuf>, sign_in: SignIn) -> Self {
        Self::start_with(console, StopTimes::default(), None, Some(sign_in)).await
    }

    /// One of its own, that stops as these times say.
    pub async fn stopping_within(times: StopTimes) -> Self {
        Self::start_with(None, times, None, None).await
    }

    /// One of its own that sends its traces to a collector. Only one in a process can.
    pub async fn traced(collector: String) -> Self {
        Self::start_with(None, StopTimes::default(), Some(collector), None).await
    }

    async fn start_with(
        console: Option<PathBuf>,
        times: StopTimes,
        collector: Option<String>,
        sign_in: Option<SignIn>,
    ) -> Self {
        let folder = folder();
        let state = folder.path().join("state");
        let console = console.unwrap_or_else(|| page_without_console(folder.path()));
        let pools = PoolLimits::default();
        let (port, database_url, recent) = (0, None, None);
        let options = Options { state: state.clone(), port, console, database_url, pools, recent, sign_in };
        let telemetry = telemetry(&options, collector);
        let life = Lifecycle::new(times);
        let start = runtime::shared().spawn(Stack::start(options, life.clone()));
        let stack = start.await.expect("the start does not panic").expect("Postern starts");
        let (url, crypto_url) = (stack.url().to_owned(), stack.crypto_url().to_owned());
        let ended = Mutex::new(Some(runtime::shared().spawn(stack.run())));
        let issuer =
            DevIssuer::load_or_create(ISSUER, &state.join("issuer.pem")).expect("the issuer has a key");
        Self { url, crypto_url, folder, issuer, life, ended, telemetry: Mutex::new(Some(telemetry)) }
    }

    /// Where gRPC, gRPC-web and the console are.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks it to stop. Calls in progress get the drain time.
    pub fn stop(&self) {
        self.life.stop();
    }

    /// Asks it to stop, and waits until its process would exit.
    pub async fn stopped(&self) {
        self.stop();
        let ended = self.ended.lock().expect("nothing panics under it").take();
        ended.expect("it is waited for once").await.expect("it does not panic").expect("it stops as asked");
        let telemetry = self.telemetry.lock().expect("nothing panics under it").take();
        tokio::task::spawn_blocking(|| telemetry.map(Running::flush)).await.expect("a flush does not panic");
    }

    /// Where crypto-service is, for mutual TLS.
    pub fn crypto_url(&self) -> &str {
        &self.crypto_url
    }

    /// The state folder; see the standalone's documentation for what is where.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Certificate files of a service, signed by this Postern's authority.
    pub fn certificate(&self, service: &str) -> ServiceFiles {
        let ca = DevCa::load_or_create(&self.state().join("certificates")).expect("the authority is there");
        ca.service(service).expect("a certificate can be made")
    }

    /// A user of this name, signed in.
    pub fn user(&self, name: &str) -> User {
        let token = self.issuer.mint(name, &postern_domain::SystemClock).expect("a token can be signed");
        User::new(&self.url, token)
    }

    /// The control database's URL for a role: `postern_connection`, `postern_proxy` or `postern_migrator`.
    pub fn database_url(&self, role: &str) -> String {
        fs::read_to_string(self.state().join("urls").join(role)).expect("the role has a URL")
    }

    /// The control database's URL for its superuser, whom row level security does not hold.
    pub fn superuser_url(&self) -> String {
        let postgres = self.state().join("postgres");
        let read = |name: &str| fs::read_to_string(postgres.join(name)).expect("the embedded server has one");
        let (password, port) = (read("superuser.password"), read("port"));
        format!("postgres://postgres:{password}@127.0.0.1:{port}/postern?sslmode=disable")
    }

    /// What has been logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.state().join("postern.log")).expect("the log can be read")
    }
}

/// The first Postern of a process decides where its logs and traces go.
fn telemetry(options: &Options, collector: Option<String>) -> Running {
    let log = options.log_file().expect("the log can be opened");
    let mut telemetry = Telemetry::new("postern-standalone").log_to(log);
    if let Some(collector) = collector {
        telemetry = telemetry.export_to(collector);
    }
    let _in_runtime = runtime::shared().enter();
    telemetry.start().expect("the collector's URL is ours")
}

/// Tests of the API need no console, only a page in its place.
fn page_without_console(folder: &Path) -> PathBuf {
    let dir = folder.join("console");
    fs::create_dir_all(&dir).expect("an own folder can be written");
    fs::write(dir.join("index.html"), "<!doctype html><title>Postern</title>")
        .expect("an own folder can be written");
    dir
}
