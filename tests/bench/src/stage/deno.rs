//! Installs Deno, which runs the edge function, from npm.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::builds;

/// The packages to install, with exact versions. Their only dependency is Deno's on its platform-specific binary.
const PACKAGES: &str = include_str!("../../edge-function/package.json");

const SERVER: &str = include_str!("../../edge-function/server.ts");

/// An installed Deno, in a folder with the edge function and its packages.
pub(super) struct Deno {
    program: PathBuf,
    folder: PathBuf,
}

impl Deno {
    /// Installs into the target folder, unless installed already.
    pub(super) fn install() -> Result<Self> {
        let folder = builds()?.join("../bench/edge-function");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        fs::write(folder.join("server.ts"), SERVER)?;
        let list = folder.join("package.json");
        if fs::read_to_string(&list).ok().as_deref() != Some(PACKAGES) || program(&folder).is_err() {
            fs::write(&list, PACKAGES)?;
            npm_install(&folder)?;
        }
        Ok(Self { program: program(&folder)?, folder })
    }

    /// The command that runs a script in the folder, with packages from `node_modules` and without downloads.
    pub(super) fn run(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "--node-modules-dir=manual", "--cached-only", "--no-prompt"]);
        command.args(["--allow-net", "--allow-env", "--allow-read", script]);
        command.current_dir(&self.folder).env("DENO_DIR", self.folder.join("cache"));
        command.env("DENO_NO_UPDATE_CHECK", "1");
        command
    }
}

/// Deno's binary, which is in the platform-specific package. The package `deno` only has a script that runs it.
fn program(folder: &Path) -> Result<PathBuf> {
    let packages =
        fs::read_dir(folder.join("node_modules/@deno")).context("npm has no Deno for this platform")?;
    let mut programs = packages.flatten().map(|package| package.path().join("deno"));
    programs.find(|program| program.exists()).context("npm has no Deno for this platform")
}

fn npm_install(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"]);
    let output = npm.current_dir(folder).stdin(Stdio::null()).output().context("npm cannot be run")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    // npm's first error line is a code, such as ECONNREFUSED.
    let reason = stderr.lines().find_map(|line| line.strip_prefix("npm error ")).unwrap_or("no reason given");
    ensure!(output.status.success(), "npm cannot install Deno: {reason}");
    Ok(())
}
