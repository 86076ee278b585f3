//! Finds or installs the browser for the browser tests.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};

use crate::debian;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Finds Chromium, or installs Debian's package when run as root on Debian.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::ensure("chromium", "chromium")
        .context("the browser tests need Chromium; install it, or set POSTERN_CHROMIUM to its path")?;
    find().context("Chromium was installed, and is not on the path")
}

fn find() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("POSTERN_CHROMIUM") {
        return Some(chosen.into());
    }
    let path = env::var_os("PATH")?;
    let on_path = |name: &str| env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    NAMES.iter().find_map(|name| on_path(name))
}
