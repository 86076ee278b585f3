//! Programs from the Python Package Index, in folders of the target directory, with pinned versions.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{process, say, up::target_dir};

/// A folder with one package and what it needs; installed at first use.
///
/// `--target` needs neither a virtual environment nor a right to the system's packages, and lets the folder be renamed
/// into place whole.
pub(crate) fn package(name: &str, version: &str) -> Result<PathBuf> {
    let folders = target_dir().join("python");
    fs::create_dir_all(&folders).with_context(|| format!("cannot create {}", folders.display()))?;
    let folder = folders.join(format!("{name}-{version}"));
    // Tests run in parallel, in threads and processes. The lock is released when the file is closed.
    let lock = File::create(folders.join(format!("{name}-{version}.lock")))?;
    lock.lock()?;
    if !folder.exists() {
        say(&format!("installing {name} {version} from the Python Package Index"));
        install(&format!("{name}=={version}"), &folder)?;
    }
    Ok(folder)
}

fn install(requirement: &str, folder: &Path) -> Result<()> {
    let unfinished = folder.with_added_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    pip.args(["--root-user-action", "ignore", "--only-binary", ":all:", "--target"]).arg(&unfinished);
    process::run_quietly(pip.arg(requirement)).context("Python 3 with pip is needed")?;
    fs::rename(&unfinished, folder).context("cannot put the packages in place")
}

/// `python3` with the packages of a folder.
pub(crate) fn python(packages: &Path) -> Command {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// A Python program of a package's `bin` folder.
pub(crate) fn script(packages: &Path, name: &str) -> Command {
    let mut script = python(packages);
    script.arg(packages.join("bin").join(name));
    script
}
