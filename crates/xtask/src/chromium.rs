//! Finds or installs the browser for the browser tests.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{process, say};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Finds Chromium, or installs Debian's package when run as root on Debian.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let root = process::read("id", "-u").as_deref() == Some("0");
    if root && process::read("apt-get", "--version").is_some() {
        say("installing Chromium from Debian");
        process::run_quietly(Command::new("apt-get").args(["update", "-q"]))?;
        let install = ["install", "-q", "-y", "--no-install-recommends", "chromium"];
        process::run_quietly(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    match find() {
        Some(found) => Ok(found),
        None => bail!("the browser tests need Chromium; install it, or set POSTERN_CHROMIUM to its path"),
    }
}

fn find() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("POSTERN_CHROMIUM") {
        return Some(chosen.into());
    }
    let path = env::var_os("PATH")?;
    let on_path = |name: &str| env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    NAMES.iter().find_map(|name| on_path(name))
}
