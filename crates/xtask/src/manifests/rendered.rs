//! The rendered manifests, for tests.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{collections::BTreeSet, io::Write, process::Stdio};

use serde_json::Value;

use super::{KUBERNETES_VALIDATE, render};
use crate::python;

/// The rendered resources of a folder of `deploy/kubernetes`.
pub(super) fn resources(folder: &str) -> Vec<Value> {
    // Brings a parser of YAML.
    let packages = python::package("kubernetes-validate", KUBERNETES_VALIDATE).unwrap();
    let mut python = python::python(&packages);
    python.args(["-c", "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"]);
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(render::yaml(folder).unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

/// The names of the resources of a kind.
pub(super) fn names(resources: &[Value], kind: &str) -> BTreeSet<String> {
    let of_kind = resources.iter().filter(|resource| resource["kind"] == kind);
    of_kind.map(|resource| resource["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
