//! Installs the console's npm packages, builds it, and runs its scripts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{process, root, say};

/// The folder of the built console.
pub(crate) fn dist() -> PathBuf {
    dir().join("dist")
}

fn dir() -> PathBuf {
    root().join("services/console")
}

/// Installs the packages in the lock file, unless they are up to date. They include the embedded Postgres.
pub(crate) fn install() -> Result<()> {
    install_in(&dir())
}

/// [`install`] for another folder with a lock file.
pub(crate) fn install_in(dir: &Path) -> Result<()> {
    require_node()?;
    // npm writes this file last, so it is newer than the lock file only if the last install completed.
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

/// Builds the console if its sources have changed since the last build.
pub(crate) fn build() -> Result<()> {
    install()?;
    let built = modified(&dist().join("index.html"));
    let sources = [
        "src",
        "packages/client/src",
        "packages/session/src",
        "public",
        "index.html",
        "package-lock.json",
        "vite.config.ts",
        "tsconfig.json",
    ];
    let newest = sources.iter().filter_map(|name| newest(&dir().join(name))).max();
    if built.is_some() && built >= newest {
        return Ok(());
    }
    say("building the console");
    process::run_quietly(Command::new("npm").args(["run", "--silent", "build"]).current_dir(dir()))
}

/// Adds compressed copies to a folder with the built console.
pub(crate) fn compress(folder: &Path) -> Result<()> {
    process::run_quietly(Command::new("node").arg(dir().join("compress.mjs")).arg(folder))
}

/// Writes a `CycloneDX` document of the packages that the built console may contain.
pub(crate) fn bill_of_materials(file: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["sbom", "--omit", "dev", "--omit", "optional", "--sbom-format", "cyclonedx"]);
    let output =
        npm.args(["--sbom-type", "application"]).current_dir(dir()).output().context("cannot run npm")?;
    ensure!(output.status.success(), "npm sbom: {}", String::from_utf8_lossy(&output.stderr).trim());
    fs::write(file, output.stdout).with_context(|| format!("cannot write {}", file.display()))
}

/// Builds the example app of the client package, which readers copy.
pub(crate) fn build_example() -> Result<()> {
    say("building the example app");
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "build", "--workspace", "packages/client/examples/orders"]);
    process::run_quietly(npm.current_dir(dir()))
}

/// Runs a script of the console's `package.json`.
pub(crate) fn npm(script: &str) -> Result<()> {
    process::run(Command::new("npm").args(["run", "--silent", script]).current_dir(dir()))
}

/// Runs the console's tests. Returns their output, and whether they passed.
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
    process::read("npm", "--version").context("npm is missing; install it with Node.js").map(drop)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When the most recently changed file under a path was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else { return modified(path) };
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}
