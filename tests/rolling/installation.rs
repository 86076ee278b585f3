//! An installation: a folder with everything that it keeps, a control database, and the replicas of its services.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
};

use axum::{Json, Router, routing::get};
use postern_devkit::{
    ca::DevCa,
    free_port,
    issuer::{AUDIENCE, DevIssuer},
    postgres::{Binaries, Cluster},
    random_hex, replace,
};
use postern_domain::SystemClock;
use postern_store::roles::LOGIN_ROLES;
use postern_testkit::User;
use sqlx::{ConnectOptions, Executor, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::spawn_blocking,
};

use crate::{log, replica::Replica};

const ISSUER: &str = "https://issuer.test";

/// Services of an installation.
const SERVICES: [&str; 3] = ["crypto-service", "connection-service", "proxy-service"];

static ALONE: Mutex<()> = Mutex::const_new(());

/// An installation. Its parts run on this machine.
pub(crate) struct Installation {
    control: Cluster,
    issuer: DevIssuer,
    jwks_url: String,
    /// Seconds between a stop and the moment when a service takes no new calls.
    pub(crate) lame_duck: u32,
    folder: TempDir,
    /// One at a time: the processes of another would take this one's share of a small machine.
    _alone: MutexGuard<'static, ()>,
}

impl Installation {
    /// An empty installation: a database server, certificates, an issuer; no ring, no schema and no service yet.
    pub(crate) async fn new() -> Self {
        log::collect();
        let alone = ALONE.lock().await;
        let folder = postern_testkit::folder();
        let issuer = DevIssuer::load_or_create(ISSUER, &folder.path().join("issuer.pem")).unwrap();
        let jwks_url = serve_key_set(&issuer).await;
        let (binaries, dir) = (binaries(), folder.path().join("control"));
        let control = spawn_blocking(move || Cluster::start(&binaries, &dir)).await.unwrap().unwrap();
        let installation = Self { control, issuer, jwks_url, lame_duck: 0, folder, _alone: alone };
        installation.renew_certificates(0);
        fs::create_dir(installation.path("urls")).unwrap();
        fs::create_dir(installation.path("ring")).unwrap();
        fs::create_dir(installation.path("root")).unwrap();
        for role in LOGIN_ROLES {
            let (port, password) = (installation.control.port(), random_hex(24).unwrap());
            let url = format!("postgresql://{role}:{password}@127.0.0.1:{port}/postern?sslmode=disable");
            replace(&installation.path("urls").join(role), &url).unwrap();
        }
        installation.create_database().await;
        installation
    }

    /// A file or folder of the installation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts new certificates of the same authority in place of all, in one step: a symbolic link to their folder is
    /// replaced, as Kubernetes does it for a Secret.
    pub(crate) fn renew_certificates(&self, number: u32) {
        let (new, current) = (self.path(&format!("certificates-{number}")), self.path("certificates"));
        fs::create_dir(&new).unwrap();
        for file in ["ca.pem", "ca.key"] {
            if current.exists() {
                fs::copy(current.join(file), new.join(file)).unwrap();
            }
        }
        let ca = DevCa::load_or_create(&new).unwrap();
        for name in SERVICES.into_iter().chain(["operator"]) {
            ca.service(name).unwrap();
        }
        let link = self.path("certificates.new");
        symlink(&new, &link).unwrap();
        fs::rename(link, current).unwrap();
    }

    /// An empty control database, and the administrator's URL for it.
    async fn create_database(&self) {
        let mut server = connect(&self.control.url("postgres")).await;
        server.execute("create database postern").await.unwrap();
        replace(&self.path("urls").join("admin"), &self.admin_url()).unwrap();
    }

    /// The administrator's URL for the control database.
    pub(crate) fn admin_url(&self) -> String {
        self.control.url("postern")
    }

    /// The configuration of the `postern` command, for the crypto-services at `url`.
    pub(crate) fn configure_operator(&self, crypto_url: &str) {
        let file = |role: &str| self.quoted(&format!("urls/{role}"));
        let text = format!(
            "[crypto]\nurl = {crypto_url:?}\n[crypto.tls]\n{}\n[database]\nadmin_url_file = {}\n\
             migrator_url_file = {}\nconnection_url_file = {}\nproxy_url_file = {}\nrewrap_url_file = {}\n",
            self.tls("operator"),
            file("admin"),
            file("postern_migrator"),
            file("postern_connection"),
            file("postern_proxy"),
            file("postern_rewrap"),
        );
        fs::write(self.path("postern.toml"), text).unwrap();
    }

    /// A replica of crypto-service.
    pub(crate) fn crypto(&self, name: &'static str) -> Replica {
        let ports = (free_port().unwrap(), free_port().unwrap());
        let text = format!(
            "listen = \"127.0.0.1:{}\"\n{}[tls]\n{}\n[keyring]\nfile = {}\nreplica = {name:?}\n\
             [keyring.root]\nkind = \"file\"\npath = {}\n{}",
            ports.0,
            self.ops(ports.1),
            self.tls("crypto-service"),
            self.quoted("ring/keyring.json"),
            self.quoted("root/root.key"),
            self.issuers(),
        );
        self.replica(name, env!("CARGO_BIN_EXE_rolling-crypto-service"), &text, ports)
    }

    /// A replica of connection-service.
    pub(crate) fn connection(&self, name: &'static str, crypto_url: &str) -> Replica {
        let program = env!("CARGO_BIN_EXE_rolling-connection-service");
        self.edge(name, program, "connection-service", "postern_connection", crypto_url)
    }

    /// A replica of proxy-service.
    pub(crate) fn proxy(&self, name: &'static str, crypto_url: &str) -> Replica {
        let program = env!("CARGO_BIN_EXE_rolling-proxy-service");
        self.edge(name, program, "proxy-service", "postern_proxy", crypto_url)
    }

    fn edge(
        &self,
        name: &'static str,
        program: &'static str,
        service: &str,
        role: &str,
        crypto_url: &str,
    ) -> Replica {
        let ports = (free_port().unwrap(), free_port().unwrap());
        // Only proxy-service dials tenants.
        let tenants = if service == "proxy-service" {
            "[backends.egress]\nallow_loopback = true\nany_port = true\nallow_own_addresses = true\n"
        } else {
            ""
        };
        let text = format!(
            "[edge]\nlisten = \"127.0.0.1:{}\"\n{}{}[backends.database]\nurl_file = {}\nmax_connections = 4\n\
             [backends.crypto]\nurl = {crypto_url:?}\n[backends.crypto.tls]\n{}\n{tenants}",
            ports.0,
            self.ops(ports.1),
            self.issuers(),
            self.quoted(&format!("urls/{role}")),
            self.tls(service),
        );
        self.replica(name, program, &text, ports)
    }

    fn replica(&self, name: &'static str, program: &'static str, text: &str, ports: (u16, u16)) -> Replica {
        let config = self.path(&format!("{name}.toml"));
        fs::write(&config, text).unwrap();
        Replica::new(name, program, config, ports)
    }

    fn ops(&self, port: u16) -> String {
        let lame_duck = self.lame_duck;
        format!("[ops]\nlisten = \"127.0.0.1:{port}\"\nlame_duck_seconds = {lame_duck}\ndrain_seconds = 5\n")
    }

    fn tls(&self, service: &str) -> String {
        let file = |name: &str| self.quoted(&format!("certificates/{name}"));
        format!(
            "certificate = {}\nkey = {}\nca = {}",
            file(&format!("{service}.pem")),
            file(&format!("{service}.key")),
            file("ca.pem"),
        )
    }

    fn issuers(&self) -> String {
        format!(
            "[[issuers]]\nissuer = {ISSUER:?}\naudience = {AUDIENCE:?}\njwks_url = {:?}\n\
             [egress]\nallow_loopback = true\nany_port = true\n",
            self.jwks_url,
        )
    }

    /// A path as a string of TOML.
    fn quoted(&self, name: &str) -> String {
        format!("{:?}", self.path(name).to_str().unwrap())
    }

    /// A user of this name, who calls the API at `url`.
    pub(crate) fn user(&self, name: &str, url: &str) -> User {
        User::new(url, self.issuer.mint(name, &SystemClock).unwrap())
    }

    /// The `postern` command with its configuration.
    pub(crate) fn postern(&self, arguments: &[&str]) -> Command {
        postern(&self.path("postern.toml"), arguments)
    }

    /// The ring, its root, the roles and the schema, as `deploy/README.md` says.
    pub(crate) async fn initialize(&self, crypto: &Replica) {
        run(postern(&crypto.config, &["keyring", "init"])).await;
        run(self.postern(&["migrate", "--create-roles"])).await;
    }
}

fn postern(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolling-postern"));
    command.arg("--config").arg(config).args(arguments).stdin(Stdio::null());
    command
}

/// The programs of Postgres, with those for a backup.
pub(crate) fn binaries() -> Binaries {
    Binaries::find_with("pg_dump").unwrap()
}

/// Where the clients of these replicas of crypto-service find them.
pub(crate) fn url_of(replicas: &[&Replica]) -> String {
    let urls: Vec<_> = replicas.iter().map(|replica| format!("https://127.0.0.1:{}", replica.port)).collect();
    urls.join(", ")
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) async fn run(command: Command) -> String {
    match try_run(command).await {
        Ok(stdout) => stdout,
        Err((_, stderr)) => panic!("{stderr}\n{}", log::tail()),
    }
}

/// Runs a command; its exit code and stderr if it fails.
pub(crate) async fn try_run(mut command: Command) -> Result<String, (Option<i32>, String)> {
    let output = spawn_blocking(move || command.output()).await.unwrap().unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// A connection to a database, as an administrator has one.
pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnectOptions::from_str(url).unwrap().disable_statement_logging().connect().await.unwrap()
}

async fn serve_key_set(issuer: &DevIssuer) -> String {
    let jwks = issuer.jwks();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let routes = Router::new().route("/jwks.json", get(move || async move { Json(jwks) }));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}
