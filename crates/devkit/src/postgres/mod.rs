//! A Postgres server as a child process.
//!
//! The server listens on 127.0.0.1 only, requires SCRAM passwords, and exits when this process does, even if this
//! process is killed. Postgres refuses to run as root, so if this process is root, the server runs as `nobody`.

mod binaries;

use std::{
    fs,
    io::BufRead,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::keeper::{Keeper, Signal};
use crate::port;
use crate::private_file::{load_or_create, random_hex};
pub use binaries::Binaries;

/// User and group id of `nobody` on Linux.
const NOBODY: u32 = 65534;

/// Name of the superuser.
pub const SUPERUSER: &str = "postgres";

/// A running server.
pub struct Cluster {
    port: u16,
    password: String,
    _keeper: Keeper,
}

impl Cluster {
    /// Starts the server whose data is in `dir`, creating the data first if there is none.
    pub fn start(binaries: &Binaries, dir: &Path) -> Result<Self> {
        Self::start_with(binaries, dir, &[])
    }

    /// [`Cluster::start`] with further settings, each `name=value`.
    pub fn start_with(binaries: &Binaries, dir: &Path, settings: &[&str]) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let home = if is_root() { reachable_by_nobody(dir)? } else { dir.to_owned() };
        let binaries = if is_root() { binaries.reachable_by_nobody(&home)? } else { binaries.clone() };
        let password = load_or_create(&dir.join("superuser.password"), || random_hex(24))?;
        let data = home.join("data");
        if !data.join("PG_VERSION").exists() {
            create_data(&binaries, &home, &data, &password)?;
        }
        wait_for_predecessor(&data);
        let port = port::of(dir)?;
        // SIGINT is Postgres' fast shutdown: it ends sessions, writes a checkpoint and stops.
        let mut command = server_command(&binaries, &data, port);
        // The last value of a setting counts.
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        let keeper = Keeper::spawn("postgres", command, Signal::INT, wait_until_ready)?;
        Ok(Self { port, password, _keeper: keeper })
    }

    /// TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's URL for a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs `initdb` into a folder beside the final one and renames it, so that an interrupted first start leaves no
/// half-made data behind.
fn create_data(binaries: &Binaries, home: &Path, data: &Path, password: &str) -> Result<()> {
    let unfinished = home.join("data.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir(&unfinished)?;
    let password_file = unfinished.with_extension("password");
    fs::write(&password_file, password)?;
    fs::set_permissions(&password_file, PermissionsExt::from_mode(0o600))?;
    if is_root() {
        for path in [&unfinished, &password_file] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))?;
        }
    }
    let output = as_server_user(Command::new(binaries.program("initdb")))
        .arg("--pgdata")
        .arg(&unfinished)
        .arg("--pwfile")
        .arg(&password_file)
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
        .args(["--no-sync", "--no-instructions"])
        .current_dir(home)
        .output()
        .context("cannot run initdb")?;
    fs::remove_file(&password_file)?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    fs::rename(&unfinished, data).context("cannot put the new data folder in place")
}

fn server_command(binaries: &Binaries, data: &Path, port: u16) -> Command {
    let mut command = as_server_user(Command::new(binaries.program("postgres")));
    command.arg("-D").arg(data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]).current_dir(data);
    for setting in [
        "unix_socket_directories=",
        "password_encryption=scram-sha-256",
        "max_connections=300",
        "log_destination=stderr",
        "logging_collector=off",
        // Statements may contain anything that a user typed, so they are not logged.
        "log_min_error_statement=panic",
        "log_statement=none",
    ] {
        command.args(["-c", setting]);
    }
    command
}

/// Runs the command as `nobody` if this process is root: Postgres refuses to run as root.
fn as_server_user(mut command: Command) -> Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.env_remove("PGDATA").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Time for a server to shut down after the process that started it was killed. It writes a checkpoint.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// Waits for the previous server of the same data to exit. The kernel signals it when the process that started it dies,
/// and its shutdown takes about a second. If it does not exit in time, the check of the port reports it.
fn wait_for_predecessor(data: &Path) {
    let started = Instant::now();
    while started.elapsed() < SHUTDOWN {
        let Some(pid) = running(data) else { return };
        if started.elapsed() < POLL {
            tracing::info!(pid, "waiting for the previous Postgres server to shut down");
        }
        thread::sleep(POLL);
    }
}

/// Interval between checks for the previous server.
const POLL: Duration = Duration::from_millis(20);

/// The process id of the server that uses this data. It is in the first line of `postmaster.pid`, which a killed server
/// leaves behind, so another process may have the same id by now. Therefore this also checks the working directory,
/// which is the data folder for a server.
fn running(data: &Path) -> Option<u32> {
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = file.lines().next()?.trim().parse().ok()?;
    let working_directory = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (working_directory == data.canonicalize().ok()?).then_some(pid)
}

/// A folder that `nobody` owns and can reach: `dir`, or, if `dir` is inside a folder that only root can enter (such as
/// /root), a folder in /var/tmp.
fn reachable_by_nobody(dir: &Path) -> Result<PathBuf> {
    let dir = dir.canonicalize()?;
    let home = if others_can_enter(&dir)? { dir } else { stand_in(&dir)? };
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY))?;
    Ok(home)
}

fn others_can_enter(dir: &Path) -> Result<bool> {
    for ancestor in dir.ancestors().skip(1) {
        if fs::metadata(ancestor)?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn stand_in(dir: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::MetadataExt;

    // A name that nobody can guess, kept beside the password: if both are deleted, the next start creates new data
    // instead of finding data that an older password protects.
    let name = || Ok(format!("/var/tmp/postern-{}", random_hex(16)?));
    let stand_in = PathBuf::from(load_or_create(&dir.join("elsewhere"), name)?);
    match fs::create_dir(&stand_in) {
        Ok(()) => fs::set_permissions(&stand_in, PermissionsExt::from_mode(0o755))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let owner = fs::symlink_metadata(&stand_in)?;
            let is_ours = owner.is_dir() && [0, NOBODY].contains(&owner.uid());
            ensure!(is_ours, "{} exists and is not Postern's; remove it", stand_in.display());
        }
        Err(error) => return Err(error).with_context(|| format!("cannot create {}", stand_in.display())),
    }
    Ok(stand_in)
}

/// Reads the server's log until the server is ready. If it exits instead, the error contains its log.
fn wait_until_ready(log: &mut impl BufRead) -> Result<()> {
    let (mut before, mut line) = (String::new(), String::new());
    while log.read_line(&mut line)? > 0 {
        if line.contains("database system is ready to accept connections") {
            return Ok(());
        }
        before.push_str(&line);
        line.clear();
    }
    bail!("Postgres did not start: {}", before.trim())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_starts_twice_on_the_same_data_and_ends_when_dropped() {
        let dir = tempfile::tempdir_in(std::env::var("POSTERN_TEST_DIR").unwrap_or("/tmp".into())).unwrap();
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let binaries = Binaries::find().unwrap();
        let first = Cluster::start(&binaries, dir.path()).unwrap();
        let port = first.port();
        drop(first);
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "the server still listens");
        Cluster::start(&binaries, dir.path()).unwrap();
    }
}
