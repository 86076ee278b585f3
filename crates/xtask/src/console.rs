//! The console's packages and its build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};

use crate::{process, root, say};

/// Where the built console is.
pub(crate) fn dist() -> PathBuf {
    dir().join("dist")
}

fn dir() -> PathBuf {
    root().join("services/console")
}

/// Installs what the lock file says, unless that is installed already. Brings the embedded Postgres along.
pub(crate) fn install() -> Result<()> {
    install_in(&dir())
}

/// [`install`] for another folder with a lock file.
pub(crate) fn install_in(dir: &Path) -> Result<()> {
    require_node()?;
    // npm writes this file last, so that it is older than the lock file unless the last install came to its end.
    let installed = modified(&dir.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= modified(&dir.join("package-lock.json")) {
        return Ok(());
    }
    let shown = dir.strip_prefix(root()).unwrap_or(dir).display().to_string();
    say(&format!("installing the packages of {shown}"));
    process::run_quietly(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(dir),
    )
}

/// Builds the console, unless nothing has changed since the last build.
pub(crate) fn build() -> Result<()> {
    install()?;
    let built = modified(&dist().join("index.html"));
    let sources = ["src", "public", "index.html", "package-lock.json", "vite.config.ts", "tsconfig.json"];
    let newest = sources.iter().filter_map(|name| newest(&dir().join(name))).max();
    if built.is_some() && built >= newest {
        return Ok(());
    }
    say("building the console");
    process::run_quietly(Command::new("npm").args(["run", "--silent", "build"]).current_dir(dir()))
}

/// Runs a script of the console's `package.json`.
pub(crate) fn npm(script: &str) -> Result<()> {
    process::run(Command::new("npm").args(["run", "--silent", script]).current_dir(dir()))
}

/// Runs the console's tests and returns what they printed, and whether they passed.
pub(crate) fn test() -> Result<(String, bool)> {
    process::run_and_read(Command::new("npm").args(["run", "--silent", "test"]).current_dir(dir()))
}

fn require_node() -> Result<()> {
    let Some(version) = process::read("node", "--version") else {
        bail!("Node.js is missing; install Node.js 20.19 or newer with npm");
    };
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) < (20, 19) {
        bail!("Node.js {version} is too old; install Node.js 20.19 or newer");
    }
    process::read("npm", "--version").context("npm is missing; install it beside Node.js").map(drop)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When the newest file under a path was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else { return modified(path) };
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}
