//! `postern keyring init` and `postern keyring move-root`, which work on crypto-service's files directly.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use postern_keyring::{
    KeyringConfig,
    key_files::{self, KeyFileError, RingState},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    config::read,
    failure::{Exit, Failure},
    output::Output,
};

/// The part of crypto-service's configuration that these commands need. The service checks the rest when it starts.
#[derive(Deserialize)]
struct ServiceConfig {
    keyring: Option<KeyringConfig>,
    /// This table and the next exist only in the command line's own configuration.
    crypto: Option<IgnoredAny>,
    database: Option<IgnoredAny>,
}

#[derive(Serialize)]
struct RingFile {
    file: String,
    revision: u64,
    root: String,
}

impl RingFile {
    fn new(path: &Path, RingState { revision, root }: RingState) -> Self {
        Self { file: path.display().to_string(), revision, root }
    }
}

pub(super) fn init(config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let keyring = keyring_of(config)?;
    let made = key_files::create(&keyring).map_err(refused)?;
    let file = RingFile::new(&keyring.file, made);
    output.print(&file, || {
        format!("{} holds a new key ring, wrapped by the root '{}'.\n", file.file, file.root)
    })
}

pub(super) fn move_root(config: Option<&Path>, to: &Path, output: Output) -> Result<(), Failure> {
    let (from, to) = (keyring_of(config)?, keyring_in(to)?);
    let moved = key_files::move_root(&from, &to).map_err(refused)?;
    let file = RingFile::new(&to.file, moved);
    record_move(&file)?;
    output.print(&file, || format!("{} is now wrapped by the root '{}'.\n", file.file, file.root))?;
    writeln!(
        io::stderr(),
        "postern: restart crypto-service with the new configuration; keep the old root until then"
    )?;
    Ok(())
}

/// Records who moved the ring. crypto-service logs the other changes with the operator's certificate, but has no part
/// in this one.
fn record_move(RingFile { file, revision, root }: &RingFile) -> io::Result<()> {
    let operator = operator();
    writeln!(io::stderr(), "postern: {operator} moved {file} to the root '{root}', as revision {revision}")
}

/// The user of this process, and the user who logged in, which Linux keeps across `sudo`.
fn operator() -> String {
    let uid = rustix::process::getuid().as_raw();
    let login = fs::read_to_string("/proc/self/loginuid").ok();
    match login.and_then(|login| login.trim().parse().ok()) {
        // The kernel's number for a process that no login started.
        None | Some(u32::MAX) => format!("user {uid}"),
        Some(login) if login == uid => format!("user {uid}"),
        Some(login) => format!("user {uid}, logged in as user {login},"),
    }
}

fn keyring_of(config: Option<&Path>) -> Result<KeyringConfig, Failure> {
    let missing = "name crypto-service's configuration with --config or POSTERN_CONFIG";
    keyring_in(config.ok_or_else(|| Failure::new(Exit::Usage, missing))?)
}

fn keyring_in(path: &Path) -> Result<KeyringConfig, Failure> {
    let config: ServiceConfig = read(path)?;
    let is_own = config.crypto.is_some() || config.database.is_some();
    config.keyring.ok_or_else(|| {
        let found =
            if is_own { "this is the command line's configuration" } else { "it has no [keyring] table" };
        let message = format!("{}: {found}; name crypto-service's configuration instead", path.display());
        Failure::new(Exit::Usage, message)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused(error: KeyFileError) -> Failure {
    let exit = match &error {
        error if error.is_unavailable() => Exit::Unavailable,
        // A refusal means that nothing was changed; here, a file was.
        error if error.is_written() => Exit::Failed,
        _ => Exit::Refused,
    };
    Failure::new(exit, error.to_string())
}
