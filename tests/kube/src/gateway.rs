//! Envoy, with the routes that the manifests give to a Gateway.

use anyhow::{Context, Result, ensure};
use postern_testkit::Envoy;
use serde_json::{Value, json};

/// Beside the ports of the overlay. HTTP and not HTTPS: browsers trust names below localhost as they are.
const PORT: u16 = 18080;

/// A running Envoy. It ends when dropped, or with this process.
pub(crate) struct Gateway {
    console: String,
    grpc: String,
    _envoy: Envoy,
}

impl Gateway {
    pub(crate) fn start(manifests: &[Value]) -> Result<Self> {
        let routes = Routes(manifests);
        let (console, grpc) = (routes.hostname("browsers")?, routes.hostname("grpc")?);
        let envoy = Envoy::with_config(PORT, &routes.bootstrap()?)?;
        Ok(Self { console, grpc, _envoy: envoy })
    }

    /// The origin of the console and of gRPC-web.
    pub(crate) fn console_origin(&self) -> String {
        format!("http://{}:{PORT}", self.console)
    }

    /// The origin of native gRPC.
    pub(crate) fn grpc_origin(&self) -> String {
        format!("http://{}:{PORT}", self.grpc)
    }

    /// Where both are. Not every resolver knows names below localhost.
    pub(crate) fn address() -> String {
        format!("http://127.0.0.1:{PORT}")
    }
}

/// Each `HTTPRoute`, Service and Deployment of the overlay.
struct Routes<'a>(&'a [Value]);

impl Routes<'_> {
    fn bootstrap(&self) -> Result<Value> {
        let hosts = [self.virtual_host("browsers")?, self.virtual_host("grpc")?];
        let mut clusters = Vec::new();
        for service in ["connection-service", "proxy-service", "console"] {
            let (port, http2) = self.backend(service)?;
            clusters.push(cluster(service, port, http2));
        }
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "edge",
            // Hostnames of routes have no ports.
            "strip_any_host_port": true,
            "route_config": { "virtual_hosts": hosts },
            "http_filters": [{
                "name": "router",
                "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
            }],
        });
        let listener = json!({
            "name": "edge",
            "address": address(PORT),
            // Without it, a second Envoy would share the port instead of being refused.
            "enable_reuse_port": false,
            "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
        });
        Ok(json!({ "static_resources": { "listeners": [listener], "clusters": clusters } }))
    }

    fn hostname(&self, route: &str) -> Result<String> {
        let hostname = self.find("HTTPRoute", route)?["spec"]["hostnames"][0].as_str();
        hostname.map(str::to_owned).with_context(|| format!("the route {route} has no hostname"))
    }

    fn virtual_host(&self, route: &str) -> Result<Value> {
        let spec = &self.find("HTTPRoute", route)?["spec"];
        let rules = spec["rules"].as_array().context("a route has rules")?;
        let routes = rules.iter().map(envoy_route).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "name": route, "domains": spec["hostnames"], "routes": routes }))
    }

    /// The port on the node of a Service's pod, and whether it speaks HTTP/2.
    fn backend(&self, service: &str) -> Result<(u16, bool)> {
        let port = &self.find("Service", service)?["spec"]["ports"][0];
        let container = &self.find("Deployment", service)?["spec"]["template"]["spec"]["containers"][0];
        let ports = container["ports"].as_array().context("a container has ports")?;
        let target = ports.iter().find(|one| one["name"] == port["targetPort"]);
        let number =
            target.and_then(|one| one["containerPort"].as_u64()).context("a Service has a target")?;
        Ok((u16::try_from(number)?, port["appProtocol"] == "kubernetes.io/h2c"))
    }

    fn find(&self, kind: &str, name: &str) -> Result<&Value> {
        let found = self.0.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
        found.with_context(|| format!("the overlay has no {kind} {name}"))
    }
}

fn envoy_route(rule: &Value) -> Result<Value> {
    let path = &rule["matches"][0]["path"];
    ensure!(path["type"] == "PathPrefix", "a rule with another match: {rule}");
    // A prefix of the Gateway API ends at a slash; for Envoy, `/` is none.
    let kind = if path["value"] == "/" { "prefix" } else { "path_separated_prefix" };
    let (cluster, timeout) = (&rule["backendRefs"][0]["name"], &rule["timeouts"]["request"]);
    Ok(json!({ "match": { kind: path["value"] }, "route": { "cluster": cluster, "timeout": timeout } }))
}

fn cluster(name: &str, port: u16, http2: bool) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(port) } });
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    if http2 {
        cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = json!({
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {} },
        });
    }
    cluster
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
