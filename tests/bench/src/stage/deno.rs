//! Deno, which runs the edge function, out of its npm package.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::builds;

/// What is installed, with exact versions; no package of them depends on another but Deno on its platform's program.
const PACKAGES: &str = include_str!("../../edge-function/package.json");

const SERVER: &str = include_str!("../../edge-function/server.ts");

/// An installed Deno, and a folder with the edge function and its packages.
pub(super) struct Deno {
    program: PathBuf,
    folder: PathBuf,
}

impl Deno {
    /// Installs into the target folder, unless that is done.
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

    /// The command that runs a script of the folder. It downloads nothing: packages come from `node_modules`.
    pub(super) fn run(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "--node-modules-dir=manual", "--cached-only", "--no-prompt"]);
        command.args(["--allow-net", "--allow-env", "--allow-read", script]);
        command.current_dir(&self.folder).env("DENO_DIR", self.folder.join("cache"));
        command.env("DENO_NO_UPDATE_CHECK", "1");
        command
    }
}

/// The platform's package holds the program itself; the script in the package `deno` would only call it.
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
    let said = String::from_utf8_lossy(&output.stderr);
    // npm's first complaint is a code, such as ECONNREFUSED.
    let reason = said.lines().find_map(|line| line.strip_prefix("npm error ")).unwrap_or("no reason given");
    ensure!(output.status.success(), "npm does not install Deno: {reason}");
    Ok(())
}
