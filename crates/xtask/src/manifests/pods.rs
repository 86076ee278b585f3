//! What every pod must be like, and where the gateway's routes lead.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};

use super::{RENDERED, rendered::resources};
use crate::root;

/// Volumes that the level allows and that are used here.
const VOLUMES: [&str; 5] = ["configMap", "csi", "persistentVolumeClaim", "projected", "secret"];

/// Seconds that a result may stream.
const STREAM: u64 = 300;

/// The overlay `dev` has a web server's configuration of its own only to allow the provider that it signs in at.
#[test]
fn the_dev_overlays_web_server_allows_its_provider_and_is_otherwise_the_usual_one() {
    let read = |path: &str| std::fs::read_to_string(root().join("deploy").join(path)).unwrap();
    let settings =
        |text: &str| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let overlay = "kubernetes/overlays/dev/config";
    let config: Value = serde_json::from_str(&read(&format!("{overlay}/config.json"))).unwrap();
    let provider = config["signIn"]["authority"].as_str().unwrap();
    let usual = read("console.toml").replace("'self' https:", &format!("'self' {provider}"));
    assert_eq!(settings(&read(&format!("{overlay}/console.toml"))), settings(&usual));
    let console = resources("overlays/dev")
        .into_iter()
        .find(|resource| resource["kind"] == "Deployment" && resource["metadata"]["name"] == "console");
    let arguments = &console.unwrap()["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(arguments, &json!(["--config-file", "/etc/postern/config/console.toml"]));
}

/// The Pod Security level `restricted`; the namespace enforces it.
#[test]
fn every_pod_meets_the_restricted_level() {
    for folder in RENDERED {
        let pods = pods(&resources(folder));
        assert!(pods.len() >= 5, "{folder} has {} pods", pods.len());
        for pod in pods {
            is_restricted(&pod);
        }
    }
}

fn is_restricted(pod: &Value) {
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], true, "{pod}");
    assert_ne!(security["runAsUser"], 0, "{pod}");
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{pod}");
    for member in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert!(pod[member].is_null(), "{member} of {pod}");
    }
    for container in pod["containers"].as_array().unwrap() {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{container}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{container}");
        assert_eq!(security["capabilities"], json!({ "drop": ["ALL"] }), "{container}");
        assert!(
            container["ports"]
                .as_array()
                .is_none_or(|ports| ports.iter().all(|port| port["hostPort"].is_null()))
        );
    }
    for volume in pod["volumes"].as_array().unwrap() {
        assert!(VOLUMES.iter().any(|kind| !volume[*kind].is_null()), "{volume}");
    }
}

#[test]
fn every_image_of_prod_is_named_by_its_digest() {
    for pod in pods(&resources("overlays/prod")) {
        for container in pod["containers"].as_array().unwrap() {
            let image = container["image"].as_str().unwrap();
            assert!(image.contains("@sha256:"), "{image}");
        }
    }
}

#[test]
fn no_root_key_is_mounted_where_a_remote_root_wraps_the_ring() {
    let mounts_root = |folder: &str| resources(folder).iter().any(|one| one.to_string().contains("root-key"));
    assert!(mounts_root("overlays/dev"));
    // The component external-secrets lists it; without that, nothing may need it.
    for folder in ["checks/aws-kms", "checks/openbao"] {
        assert!(pods(&resources(folder)).iter().all(|pod| !pod.to_string().contains("root-key")), "{folder}");
    }
}

#[test]
fn every_route_leads_to_a_service_and_lets_a_stream_end_by_itself() {
    let resources = resources("overlays/prod");
    let routes = resources.iter().filter(|resource| resource["kind"] == "HTTPRoute");
    let rules = routes.flat_map(|route| route["spec"]["rules"].as_array().unwrap());
    let rules: Vec<_> = rules.filter(|rule| !rule["backendRefs"].is_null()).collect();
    assert_eq!(rules.len(), 5, "three for browsers, two for native gRPC");
    for rule in rules {
        let (name, port) = (&rule["backendRefs"][0]["name"], &rule["backendRefs"][0]["port"]);
        let to = resources.iter().find(|one| one["kind"] == "Service" && one["metadata"]["name"] == *name);
        let ports = to.unwrap_or_else(|| panic!("no Service {name}"))["spec"]["ports"].as_array().unwrap();
        assert!(ports.iter().any(|one| one["port"] == *port), "{name}:{port}");
        if name == "proxy-service" {
            let timeout = rule["timeouts"]["request"].as_str().unwrap().trim_end_matches('s').parse::<u64>();
            assert!(timeout.unwrap() > STREAM, "{rule}");
        }
    }
}

/// The pod of every workload.
fn pods(resources: &[Value]) -> Vec<Value> {
    let pods = resources.iter().map(|resource| &resource["spec"]["template"]["spec"]);
    pods.filter(|pod| !pod.is_null()).cloned().collect()
}
