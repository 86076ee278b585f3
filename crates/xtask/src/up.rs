//! `cargo xtask up`: from a fresh clone to a running Postern.

use std::{net::TcpListener, os::unix::process::CommandExt, path::PathBuf, process::Command, thread};

use anyhow::{Context, Result, ensure};

use crate::{console, process, root, say};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Port on 127.0.0.1 for console, gRPC and gRPC-web.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder that keeps the database, the keys and the logs.
    #[arg(long, default_value = ".postern")]
    state: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Better said now than after the build.
    let free = arguments.port == 0 || TcpListener::bind(("127.0.0.1", arguments.port)).is_ok();
    ensure!(
        free,
        "port {0} is in use; stop what uses it, or choose another: cargo xtask up --port {0}1",
        arguments.port
    );
    let binary = build()?;
    let mut postern = Command::new(binary);
    postern.arg("--port").arg(arguments.port.to_string()).arg("--state").arg(&arguments.state);
    postern.arg("--console").arg(console::dist());
    // Takes our place, so that signals reach it and no process of ours is left between it and the terminal.
    Err(postern.exec()).context("cannot start Postern")
}

/// Builds services and console side by side: one waits for the processor, the other for the network.
fn build() -> Result<PathBuf> {
    let console = thread::spawn(console::build);
    say("building the services (the first time takes some minutes)");
    process::run(&mut process::cargo(["build", "--release", "--package", "postern-standalone"]))?;
    console.join().ok().context("the console's build panicked")??;
    Ok(target_dir().join("release/postern-standalone"))
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
