//! Who may connect to whom, worked out from the rendered `NetworkPolicies` for every pair of places and every
//! port, and compared with the arrows of the architecture.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::Value;

use super::rendered::{names, resources};

const NAMESPACE: &str = "postern";
const PORTS: [u64; 13] = [22, 53, 80, 443, 4317, 5432, 6443, 6543, 8000, 8080, 8200, 8443, 9090];
const SERVICES: [&str; 5] = ["crypto-service", "connection-service", "proxy-service", "console", "operator"];

/// Where a connection begins or ends.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    /// A pod, by its namespace and one label.
    Pod(&'static str, &'static str, &'static str),
    /// An address outside of the cluster.
    Address(&'static str),
}

const NAME: &str = "app.kubernetes.io/name";

const PLACES: [Place; 18] = [
    Place { name: "crypto-service", at: At::Pod(NAMESPACE, NAME, "crypto-service") },
    Place { name: "connection-service", at: At::Pod(NAMESPACE, NAME, "connection-service") },
    Place { name: "proxy-service", at: At::Pod(NAMESPACE, NAME, "proxy-service") },
    Place { name: "console", at: At::Pod(NAMESPACE, NAME, "console") },
    Place { name: "operator", at: At::Pod(NAMESPACE, NAME, "operator") },
    Place { name: "pooler", at: At::Pod(NAMESPACE, "cnpg.io/poolerName", "control-pooler") },
    Place { name: "database", at: At::Pod(NAMESPACE, "cnpg.io/cluster", "control") },
    Place { name: "stranger", at: At::Pod(NAMESPACE, NAME, "stranger") },
    Place { name: "gateway", at: At::Pod("envoy-gateway-system", NAME, "envoy") },
    Place { name: "prometheus", at: At::Pod("monitoring", NAME, "prometheus") },
    Place { name: "grafana", at: At::Pod("monitoring", NAME, "grafana") },
    Place { name: "dns", at: At::Pod("kube-system", "k8s-app", "kube-dns") },
    Place { name: "openbao", at: At::Pod("openbao", NAME, "openbao") },
    Place { name: "internet", at: At::Address("93.184.215.14") },
    Place { name: "internet over IPv6", at: At::Address("2606:2800:21f:cb07::1") },
    Place { name: "private", at: At::Address("10.96.0.1") },
    Place { name: "metadata", at: At::Address("169.254.169.254") },
    Place { name: "metadata over IPv6", at: At::Address("fd00:ec2::254") },
];

/// The arrows of the architecture, apart from those of the control database among its own pods.
fn expected() -> BTreeSet<String> {
    let mut arrows = BTreeSet::new();
    let mut add = |from: &str, to: &str, ports: &[u64]| {
        arrows.extend(ports.iter().map(|port| format!("{from} -> {to}:{port}")));
    };
    for edge in ["connection-service", "proxy-service", "console"] {
        add("gateway", edge, &[8080]);
    }
    for caller in ["connection-service", "proxy-service", "operator"] {
        add(caller, "crypto-service", &[8443]);
        add(caller, "dns", &[53]);
    }
    add("crypto-service", "dns", &[53]);
    for internet in ["internet", "internet over IPv6"] {
        add("crypto-service", internet, &[443]);
        add("connection-service", internet, &[443]);
        add("proxy-service", internet, &[443, 5432, 6543]);
    }
    add("connection-service", "pooler", &[5432]);
    add("proxy-service", "pooler", &[5432]);
    add("operator", "pooler", &[5432]);
    add("operator", "database", &[5432]);
    for asked in ["crypto-service", "connection-service", "proxy-service"] {
        add("prometheus", asked, &[9090]);
        add("operator", asked, &[9090]);
    }
    arrows
}

#[test]
fn exactly_the_arrows_of_the_architecture_exist() {
    let policies = policies("overlays/prod");
    let found: BTreeSet<_> = arrows(&policies).into_iter().filter(|arrow| !is_of_database(arrow)).collect();
    assert_eq!(found, expected());
}

#[test]
fn only_the_component_openbao_adds_an_arrow_to_openbao() {
    let added = "crypto-service -> openbao:8200".to_owned();
    let with: BTreeSet<_> = arrows(&policies("checks/openbao")).into_iter().collect();
    let without: BTreeSet<_> = arrows(&policies("overlays/prod")).into_iter().collect();
    assert_eq!(with.difference(&without).collect::<Vec<_>>(), [&added]);
}

#[test]
fn only_the_component_tracing_adds_arrows_to_the_collectors_namespace() {
    let with: BTreeSet<_> = arrows(&policies("checks/tracing")).into_iter().collect();
    let without: BTreeSet<_> = arrows(&policies("overlays/prod")).into_iter().collect();
    let services = ["connection-service", "crypto-service", "proxy-service"];
    let pods = ["grafana", "prometheus"];
    let added = services.map(|service| pods.map(|pod| format!("{service} -> {pod}:4317")));
    assert_eq!(with.difference(&without).cloned().collect::<Vec<_>>(), added.concat());
}

#[test]
fn without_the_component_cnpg_no_service_reaches_a_database() {
    for arrow in arrows(&policies("overlays/dev")) {
        assert!(!arrow.contains("database") && !arrow.contains("pooler"), "{arrow}");
    }
}

#[test]
fn every_service_is_a_place_in_this_test_and_mounts_no_token() {
    let resources = resources("overlays/prod");
    let known: BTreeSet<_> = SERVICES.iter().map(ToString::to_string).collect();
    assert_eq!(names(&resources, "ServiceAccount"), known);
    for workload in resources.iter().filter(|resource| !resource["spec"]["template"].is_null()) {
        let pod = &workload["spec"]["template"];
        let (account, label) = (&pod["spec"]["serviceAccountName"], &pod["metadata"]["labels"][NAME]);
        assert_eq!(account, label, "a pod's account is its identity, its label the subject of policies");
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false, "{account}");
    }
}

/// The traffic of the database's own pods is `CloudNativePG`'s, but for who may reach them.
fn is_of_database(arrow: &str) -> bool {
    arrow.starts_with("pooler ->") || arrow.starts_with("database ->")
}

fn policies(folder: &str) -> Vec<Value> {
    let resources = resources(folder);
    let policies = resources.into_iter().filter(|resource| resource["kind"] == "NetworkPolicy");
    let policies: Vec<_> = policies.collect();
    assert!(policies.iter().all(|policy| policy["metadata"]["namespace"] == NAMESPACE));
    policies
}

/// Every connection that the policies let through.
fn arrows(policies: &[Value]) -> Vec<String> {
    let mut arrows = Vec::new();
    for from in PLACES {
        for to in PLACES.iter().filter(|to| to.name != from.name) {
            for port in PORTS {
                let leaves = is_allowed(policies, "egress", from, *to, port);
                if is_ours(from) | is_ours(*to) && leaves && is_allowed(policies, "ingress", *to, from, port)
                {
                    arrows.push(format!("{} -> {}:{port}", from.name, to.name));
                }
            }
        }
    }
    arrows
}

fn is_ours(place: Place) -> bool {
    matches!(place.at, At::Pod(NAMESPACE, ..))
}

/// Whether `own` may have a connection with `peer` in this direction. Policies are additive; a pod that none selects is
/// open, and so is everything outside of the namespace.
fn is_allowed(policies: &[Value], direction: &str, own: Place, peer: Place, port: u64) -> bool {
    let type_of = |policy: &&Value| {
        let types = policy["spec"]["policyTypes"].as_array().expect("the types are explicit");
        types.iter().any(|kind| kind.as_str().unwrap().eq_ignore_ascii_case(direction))
    };
    let selecting = |policy: &&Value| selects(&policy["spec"]["podSelector"], own);
    let mut applying = policies.iter().filter(|_| is_ours(own)).filter(type_of).filter(selecting).peekable();
    if applying.peek().is_none() {
        return true;
    }
    let mut rules = applying.filter_map(|policy| policy["spec"][direction].as_array()).flatten();
    rules.any(|rule| has_port(&rule["ports"], port) && has_peer(rule, direction, peer))
}

fn has_port(ports: &Value, port: u64) -> bool {
    ports.as_array().is_none_or(|ports| ports.iter().any(|allowed| allowed["port"] == port))
}

fn has_peer(rule: &Value, direction: &str, peer: Place) -> bool {
    let member = if direction == "egress" { "to" } else { "from" };
    rule[member].as_array().is_none_or(|peers| peers.iter().any(|allowed| is_peer(allowed, peer)))
}

fn is_peer(allowed: &Value, peer: Place) -> bool {
    match peer.at {
        At::Address(address) => is_in_block(&allowed["ipBlock"], address.parse().unwrap()),
        At::Pod(namespace, ..) => {
            let selector = &allowed["namespaceSelector"];
            let in_namespace = match &selector["matchLabels"]["kubernetes.io/metadata.name"] {
                Value::Null => selector.is_null() && namespace == NAMESPACE,
                name => name == namespace,
            };
            let is_selection = allowed["ipBlock"].is_null();
            is_selection && in_namespace && selects(&allowed["podSelector"], peer)
        }
    }
}

/// Whether a pod selector selects a pod. A place has one label.
fn selects(selector: &Value, place: Place) -> bool {
    let At::Pod(_, key, value) = place.at else { return false };
    let labels = selector["matchLabels"].as_object();
    let equal = labels.is_none_or(|labels| labels.iter().all(|(k, v)| k == key && v == value));
    let expressions = selector["matchExpressions"].as_array();
    equal && expressions.is_none_or(|all| all.iter().all(|one| is_in(one, key, value)))
}

fn is_in(expression: &Value, key: &str, value: &str) -> bool {
    assert_eq!(expression["operator"], "In", "this test knows no other operator");
    expression["key"] == key && expression["values"].as_array().unwrap().iter().any(|one| one == value)
}

fn is_in_block(block: &Value, address: IpAddr) -> bool {
    let Some(cidr) = block["cidr"].as_str() else { return false };
    let except = block["except"].as_array();
    let excepted = except.is_some_and(|all| all.iter().any(|one| contains(one.as_str().unwrap(), address)));
    contains(cidr, address) && !excepted
}

fn contains(cidr: &str, address: IpAddr) -> bool {
    let (network, length) = cidr.split_once('/').unwrap();
    let (network, length): (IpAddr, u32) = (network.parse().unwrap(), length.parse().unwrap());
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let ((network, width), (address, other)) = (bits(network), bits(address));
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    width == other && network & mask == address & mask
}
