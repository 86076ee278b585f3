//! `postern-standalone`: what `cargo xtask up` runs. For development on one machine; never for production.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use postern_chassis::{
    Lifecycle, harden,
    memory::{WIPING, WipingAllocator},
    telemetry,
};
use postern_standalone::{Options, Stack};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WIPING;

/// Runs all of Postern on this machine, for development.
#[derive(Parser)]
#[command(name = "postern-standalone", version)]
struct Arguments {
    /// Folder that keeps the database, the keys and the logs.
    #[arg(long, default_value = ".postern")]
    state: PathBuf,
    /// Port on 127.0.0.1 for console, gRPC and gRPC-web; 0 takes any that is free.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder with the built console.
    #[arg(long, default_value = "services/console/dist")]
    console: PathBuf,
    /// A Postgres that runs already, as a role that may create roles; instead of the embedded one.
    #[arg(long, env = "POSTERN_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "postern: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<()> {
    harden::harden()?;
    let options = Options {
        state: arguments.state,
        port: arguments.port,
        console: arguments.console,
        database_url: arguments.database_url,
        sign_in: None,
    };
    let log = options.log_file()?;
    telemetry::init_to(log.try_clone()?);
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let life = Lifecycle::until_signalled()?;
        let stack = tokio::select! {
            stack = Stack::start(options, life.clone()) => stack?,
            () = life.stopping() => return Ok(()),
        };
        writeln!(std::io::stdout(), "Postern is ready: {}", stack.url())?;
        stack.run().await
    })
}
