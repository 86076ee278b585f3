//! Adapts rendered manifests to podman 4.3, Debian's.

use serde_json::{Value, json};

/// What podman plays.
pub(crate) struct Adapted {
    /// Claims, which become volumes. Once only: a volume that exists is an error.
    pub(crate) claims: Vec<Value>,
    /// The `ConfigMap`s, with each pod: podman finds them only in the same file.
    pub(crate) config_maps: Vec<Value>,
    /// The pods of Jobs, by the order that an installation needs.
    pub(crate) jobs: Vec<Value>,
    /// The pods of Deployments.
    pub(crate) deployments: Vec<Value>,
}

pub(crate) fn adapt(manifests: &[Value]) -> Adapted {
    let of = |kind: &'static str| manifests.iter().filter(move |one| one["kind"] == kind);
    let mut jobs: Vec<_> = of("Job").map(pod).collect();
    // The ring first: crypto-service needs it.
    jobs.sort_by_key(|job| job["metadata"]["name"] != "init-keyring");
    Adapted {
        claims: of("PersistentVolumeClaim").cloned().collect(),
        config_maps: of("ConfigMap").cloned().collect(),
        jobs,
        deployments: of("Deployment").map(pod).collect(),
    }
}

/// The pod of a Job or Deployment. Debian's podman does not know Jobs, and a Deployment has one replica here.
fn pod(workload: &Value) -> Value {
    let template = &workload["spec"]["template"];
    let mut spec = template["spec"].clone();
    // Its default, `Always`, would hide a service that exits, and start a Job's program again and again.
    spec["restartPolicy"] = "Never".into();
    let metadata = json!({ "name": workload["metadata"]["name"], "labels": template["metadata"]["labels"] });
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
}

/// The Secrets that a pod mounts: names, and the mode of their files.
pub(crate) fn secrets(pod: &Value) -> Vec<(String, u32)> {
    let volumes = pod["spec"]["volumes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let secrets = volumes.iter().map(|volume| &volume["secret"]).filter(|secret| !secret.is_null());
    let named = secrets.filter_map(|secret| {
        let mode = u32::try_from(secret["defaultMode"].as_u64()?).ok()?;
        Some((secret["secretName"].as_str()?.to_owned(), mode))
    });
    named.collect()
}
