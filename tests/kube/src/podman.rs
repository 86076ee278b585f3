//! Runs pods with podman. Its storage is ours alone, so that everything in it may be removed.

use std::{
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::{Command, Stdio},
    slice,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{adapt, say};

/// For the first start of a pod, on a busy machine.
const READY: Duration = Duration::from_mins(2);

/// Seconds that a pod gets to stop, until it is killed.
const STOP: &str = "20";

/// Everything that podman runs. Removed when dropped.
pub(crate) struct Pods;

impl Pods {
    /// Runs the Jobs one after the other, then starts the Deployments and waits until they are ready.
    pub(crate) async fn start(manifests: &[Value], secrets: &[Value]) -> Result<Self> {
        // What a run left behind that was killed.
        remove_all();
        let pods = Self;
        let adapted = adapt::adapt(manifests);
        play(&adapted.claims)?;
        let shared = [secrets, adapted.config_maps.as_slice()].concat();
        for job in &adapted.jobs {
            run_to_end(job, &shared)?;
        }
        for deployment in &adapted.deployments {
            start(deployment, &shared)?;
        }
        for deployment in &adapted.deployments {
            ready(deployment).await?;
        }
        Ok(pods)
    }

    /// Prints what the containers logged.
    pub(crate) fn print_logs() {
        for name in podman(&["ps", "--all", "--format", "{{.Names}}"]).unwrap_or_default().lines() {
            let _ = writeln!(std::io::stderr(), "--- {name}");
            let _ = command(&["logs", "--tail", "40", name]).stdout(std::io::stderr()).status();
        }
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        remove_all();
    }
}

fn remove_all() {
    let removals: [&[&str]; 3] = [
        &["pod", "rm", "--all", "--force", "--time", STOP],
        &["volume", "rm", "--all", "--force"],
        &["secret", "rm", "--all"],
    ];
    for removal in removals {
        if let Err(error) = podman(removal) {
            say(&format!("{error:#}"));
        }
    }
}

fn run_to_end(job: &Value, shared: &[Value]) -> Result<()> {
    start(job, shared)?;
    let container = container(job)?;
    let code = podman(&["wait", &container])?;
    if code.trim() != "0" {
        let _ = command(&["logs", &container]).stdout(std::io::stderr()).status();
    }
    ensure!(code.trim() == "0", "the Job {} ended with code {}", name(job)?, code.trim());
    Ok(())
}

/// Creates a pod with all that it mounts, and starts it.
fn start(pod: &Value, shared: &[Value]) -> Result<()> {
    let mut played = pod.clone();
    // podman would map them, and refuses to where the node's network is shared.
    played["spec"]["containers"][0]["ports"].take();
    play(&[shared, slice::from_ref(&played)].concat())?;
    for (name, mode) in adapt::secrets(pod) {
        let found =
            shared.iter().find(|one| one["kind"] == "Secret" && one["metadata"]["name"] == name.as_str());
        write_secret(&name, found.with_context(|| format!("there is no Secret {name}"))?, mode)?;
    }
    podman(&["pod", "start", name(pod)?])?;
    Ok(())
}

/// Creates what a file with these resources describes. Nothing is started yet.
fn play(resources: &[Value]) -> Result<()> {
    let mut file = NamedTempFile::new()?;
    for resource in resources {
        writeln!(file, "---\n{resource}")?;
    }
    let path = file.path().to_str().context("a temporary file's name is text")?;
    podman(&["kube", "play", "--network", "host", "--start=false", path]).map(drop)
}

/// Writes the files of a mounted Secret as Kubernetes would: podman does not decode them, and ignores `defaultMode` and
/// `fsGroup`.
fn write_secret(name: &str, secret: &Value, mode: u32) -> Result<()> {
    let folder = podman(&["volume", "inspect", "--format", "{{.Mountpoint}}", name])?;
    for (file, encoded) in secret["data"].as_object().context("a Secret has data")? {
        let path = Path::new(folder.trim()).join(file);
        fs::write(&path, STANDARD.decode(encoded.as_str().context("a Secret's data is text")?)?)?;
        chown(&path, Some(0), Some(GROUP))?;
        fs::set_permissions(&path, PermissionsExt::from_mode(mode))?;
    }
    Ok(())
}

/// `fsGroup` of every pod.
const GROUP: u32 = 65532;

/// Waits until the pod's listener for probes answers that it is ready. podman would probe from inside the container.
async fn ready(pod: &Value) -> Result<()> {
    let name = name(pod)?;
    let (port, path) = probe(pod).with_context(|| format!("{name} has no port for probes"))?;
    let started = Instant::now();
    while !is_ok(port, path).await {
        let running = podman(&["container", "inspect", "--format", "{{.State.Status}}", &container(pod)?])?;
        ensure!(running.trim() == "running", "{name} is {}", running.trim());
        ensure!(started.elapsed() < READY, "{name} is not ready after {} s", READY.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn probe(pod: &Value) -> Option<(u16, &'static str)> {
    let ports = pod["spec"]["containers"][0]["ports"].as_array()?;
    let port = |name: &str| ports.iter().find(|port| port["name"] == name)?["containerPort"].as_u64();
    // The console has no listener for operations.
    let (port, path) = port("ops").map_or((port("http"), "/health"), |port| (Some(port), "/readyz"));
    Some((u16::try_from(port?).ok()?, path))
}

/// HTTP/1.0, which ends an answer by closing the connection.
#[expect(clippy::disallowed_methods, reason = "a test, on loopback")]
async fn is_ok(port: u16, path: &str) -> bool {
    let answer = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    };
    answer.await.is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

fn name(pod: &Value) -> Result<&str> {
    pod["metadata"]["name"].as_str().context("a pod has a name")
}

/// podman's name for the pod's only container.
fn container(pod: &Value) -> Result<String> {
    let own = pod["spec"]["containers"][0]["name"].as_str().context("a container has a name")?;
    Ok(format!("{}-{own}", name(pod)?))
}

fn podman(arguments: &[&str]) -> Result<String> {
    let output = command(arguments).output().context("cannot run podman")?;
    let printed = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "podman {}: {}", arguments.join(" "), printed.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command(arguments: &[&str]) -> Command {
    let mut podman = Command::new("podman");
    podman.args(arguments).stdin(Stdio::null());
    podman
}
