//! Runs the dev overlay's pods with podman, behind Envoy, and saves, queries and deletes a connection through it.
//!
//! `cargo xtask kube` builds the images and names, in the environment: `POSTERN_MANIFESTS`, the rendered overlay as a
//! JSON array of resources; `POSTERN_TEST_DIR`, a folder for servers; `POSTERN_CHROMIUM`; and the settings of podman.
//! Everything that was started is stopped at the end, also after a failure or Ctrl-C.

mod adapt;
mod flow;
mod gateway;
mod node;
mod podman;

use std::{env, fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use self::{gateway::Gateway, node::Node, podman::Pods};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = run() => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
    };
    let (passed, failed) = if outcome.is_ok() { (1, 0) } else { (0, 1) };
    if let Err(error) = outcome {
        let _ = writeln!(std::io::stderr(), "kube: {error:#}");
    }
    let _ = writeln!(std::io::stdout(), "kube: {passed} passed, {failed} failed, 0 skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run() -> Result<()> {
    let rendered = fs::read(path("POSTERN_MANIFESTS")?).context("the overlay is not rendered")?;
    let manifests: Vec<Value> = serde_json::from_slice(&rendered)?;
    say("starting the node's databases and OpenID provider");
    let node = Node::start().await?;
    say("starting the pods");
    let _pods = Pods::start(&manifests, &node.secrets()?).await?;
    say("starting Envoy");
    let gateway = Gateway::start(&manifests)?;
    let outcome = flow::run(&node, &gateway).await;
    if outcome.is_err() {
        Pods::print_logs();
    }
    outcome
}

fn path(variable: &str) -> Result<PathBuf> {
    let value =
        env::var_os(variable).with_context(|| format!("{variable} is not set; run `cargo xtask kube`"))?;
    Ok(value.into())
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "==> {text}");
}
