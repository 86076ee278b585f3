//! `cargo xtask up`: builds and runs everything, starting from a fresh clone.

use std::{net::TcpListener, os::unix::process::CommandExt, path::PathBuf, process::Command, thread};

use anyhow::{Context, Result, ensure};

use crate::{console, process, root, say};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Port on 127.0.0.1 for the console, gRPC and gRPC-web.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder for the database, keys and logs.
    #[arg(long, default_value = ".postern")]
    state: PathBuf,
}

/// Compiles much faster than `release`, and runs fast enough to try things out.
const PROFILE: &str = "up";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Checked here to fail before the build.
    let free = arguments.port == 0 || TcpListener::bind(("127.0.0.1", arguments.port)).is_ok();
    ensure!(
        free,
        "port {0} is in use; stop the program that uses it, or choose another port with --port",
        arguments.port
    );
    let binary = build()?;
    let mut postern = Command::new(binary);
    postern.arg("--port").arg(arguments.port.to_string()).arg("--state").arg(&arguments.state);
    postern.arg("--traces").arg("--console").arg(console::dist());
    // Replaces this process, so that signals from the terminal reach Postern directly.
    Err(postern.exec()).context("cannot start Postern")
}

/// Builds the services and the console in parallel: one is bound by the CPU, the other by the network.
fn build() -> Result<PathBuf> {
    let console = thread::spawn(console::build);
    say("building the services (the first build takes a few minutes)");
    process::run(&mut process::cargo(["build", "--profile", PROFILE, "--package", "postern-standalone"]))?;
    console.join().ok().context("the console's build panicked")??;
    Ok(target_dir().join(PROFILE).join("postern-standalone"))
}

/// Cargo's target folder.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
