//! The rendered manifests, for tests.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::collections::BTreeSet;

use serde_json::Value;

use super::render;

/// The rendered resources of a folder of `deploy/kubernetes`.
pub(super) fn resources(folder: &str) -> Vec<Value> {
    render::resources(folder).unwrap()
}

/// The names of the resources of a kind.
pub(super) fn names(resources: &[Value], kind: &str) -> BTreeSet<String> {
    let of_kind = resources.iter().filter(|resource| resource["kind"] == kind);
    of_kind.map(|resource| resource["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
