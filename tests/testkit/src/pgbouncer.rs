//! `PgBouncer` in transaction mode, from Debian's packages.

use std::{
    fs,
    io::BufRead,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use postern_devkit::{
    free_port,
    keeper::{Keeper, Signal},
};
use tempfile::TempDir;

use crate::{folder, install};

/// The package, and those of its libraries that a small system lacks.
const PACKAGES: [&str; 3] = ["pgbouncer", "libevent-2.1-7", "libc-ares2"];

/// User and group id of `nobody` on Linux.
const NOBODY: u32 = 65534;

/// A pooler in front of one database. It ends when dropped, or with this process.
pub struct PgBouncer {
    port: u16,
    _folder: TempDir,
    _keeper: Keeper,
}

impl PgBouncer {
    /// Starts one in front of the database `postern` on a port of this machine. `logins` are its users with their
    /// passwords; each has `sessions` with the server.
    pub fn start(server_port: u16, logins: &[(&str, &str)], sessions: u32) -> Self {
        let started = Self::try_start(server_port, logins, sessions);
        started.unwrap_or_else(|error| panic!("PgBouncer cannot be started: {error:#}"))
    }

    fn try_start(server_port: u16, logins: &[(&str, &str)], sessions: u32) -> Result<Self> {
        let (folder, port) = (folder(), free_port()?);
        let users: Vec<_> = logins
            .iter()
            .map(|(user, password)| {
                format!(
                    "\"{user}\" \"{password}\"
"
                )
            })
            .collect();
        let users_file = folder.path().join("users.txt");
        fs::write(&users_file, users.concat())?;
        let config = folder.path().join("pgbouncer.ini");
        fs::write(
            &config,
            format!(
                "[databases]\npostern = host=127.0.0.1 port={server_port} dbname=postern\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
                 default_pool_size = {sessions}\nignore_startup_parameters = extra_float_digits\n",
                users_file.display()
            ),
        )?;
        let mut command = command(folder.path())?;
        command.arg(&config).current_dir(folder.path()).stdin(Stdio::null());
        if is_root() {
            // It refuses to run as root.
            chown(&users_file, Some(NOBODY), Some(NOBODY))?;
            command.uid(NOBODY).gid(NOBODY);
        }
        fs::set_permissions(&users_file, PermissionsExt::from_mode(0o400))?;
        let keeper = Keeper::spawn("pgbouncer", command, Signal::KILL, wait_until_ready)?;
        Ok(Self { port, _folder: folder, _keeper: keeper })
    }

    /// TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program of the system, or a copy of Debian's in `folder`, where `nobody` can reach it.
fn command(folder: &Path) -> Result<Command> {
    let system = Path::new("/usr/sbin/pgbouncer");
    if system.exists() {
        return Ok(Command::new(system));
    }
    let packages = install::once("debian", "pgbouncer", download)?;
    let copy = folder.join("pgbouncer");
    fs::copy(packages.join("usr/sbin/pgbouncer"), &copy).context("the package has no pgbouncer")?;
    let libraries = folder.join("lib");
    fs::create_dir(&libraries)?;
    fs::set_permissions(&libraries, PermissionsExt::from_mode(0o755))?;
    for library in libraries_of(&packages)? {
        fs::copy(&library, libraries.join(library.file_name().context("a library has a name")?))?;
    }
    let mut command = Command::new(copy);
    command.env("LD_LIBRARY_PATH", libraries);
    Ok(command)
}

/// `usr/lib/<architecture>/*.so*`.
fn libraries_of(packages: &Path) -> Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for architecture in fs::read_dir(packages.join("usr/lib"))? {
        let folder = architecture?.path();
        if folder.is_dir() {
            let files = fs::read_dir(folder)?.flatten().map(|file| file.path());
            libraries.extend(files.filter(|file| file.is_file() && file.to_string_lossy().contains(".so")));
        }
    }
    Ok(libraries)
}

fn download(folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    let update = Command::new("apt-get").args(["update", "-q"]).output();
    update.context("install pgbouncer, or run this on Debian, whose packages are used")?;
    let downloaded =
        Command::new("apt-get").args(["download", "-q"]).args(PACKAGES).current_dir(folder).output()?;
    ensure!(downloaded.status.success(), "apt-get: {}", String::from_utf8_lossy(&downloaded.stderr).trim());
    for file in fs::read_dir(folder)?.flatten().map(|file| file.path()) {
        if file.extension().is_some_and(|extension| extension == "deb") {
            let unpacked = Command::new("dpkg-deb").arg("-x").arg(&file).arg(folder).output()?;
            ensure!(
                unpacked.status.success(),
                "dpkg-deb: {}",
                String::from_utf8_lossy(&unpacked.stderr).trim()
            );
        }
    }
    Ok(())
}

/// Reads the log until it is ready; the lines up to then explain a failure.
fn wait_until_ready(log: &mut impl BufRead) -> Result<()> {
    let (mut said, mut line) = (String::new(), String::new());
    while log.read_line(&mut line)? > 0 {
        if line.contains("process up") {
            return Ok(());
        }
        said.push_str(&line);
        line.clear();
    }
    bail!("PgBouncer did not start: {}", said.trim())
}
