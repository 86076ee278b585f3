//! `postern-standalone`: what `cargo xtask up` runs. For development on one machine; never for production.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use postern_chassis::{
    Lifecycle, harden,
    lifecycle::StopTimes,
    memory::{WIPING, WipingAllocator},
    telemetry::{Telemetry, log_panics},
    trace::recent::Recent,
};
use postern_standalone::{Options, PoolLimits, Stack};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WIPING;

/// Runs all of Postern on this machine, for development.
#[derive(Parser)]
#[command(name = "postern-standalone", version)]
struct Arguments {
    /// Folder for the database, the keys and the logs.
    #[arg(long, default_value = ".postern")]
    state: PathBuf,
    /// Port on 127.0.0.1 for the console, gRPC and gRPC-web; 0 for any free port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder with the built console.
    #[arg(long, default_value = "services/console/dist")]
    console: PathBuf,
    /// Keep the last traces, and show them at /dev/traces.
    #[arg(long)]
    traces: bool,
    /// URL of a running Postgres to use instead of the embedded one, for a role that can create roles.
    #[arg(long, env = "POSTERN_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Sessions with tenants' servers, all together. For the benchmark, which opens more than a developer does.
    #[arg(long, hide = true, default_value_t = PoolLimits::default().total)]
    tenant_sessions: usize,
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
        pools: PoolLimits { total: arguments.tenant_sessions, ..PoolLimits::default() },
        recent: arguments.traces.then(Recent::default),
        sign_in: None,
    };
    let log = options.log_file()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let mut telemetry = Telemetry::new("postern-standalone").log_to(log);
    if let Some(recent) = &options.recent {
        telemetry = telemetry.keep(recent.clone());
    }
    let in_runtime = runtime.enter();
    let telemetry = telemetry.start()?;
    log_panics();
    drop(in_runtime);
    let ended = runtime.block_on(async {
        let life = Lifecycle::until_signalled(StopTimes::default())?;
        let stack = tokio::select! {
            stack = Stack::start(options, life.clone()) => stack?,
            () = life.stopping() => return Ok(()),
        };
        writeln!(std::io::stdout(), "Postern is ready: {}", stack.url())?;
        stack.run().await
    });
    telemetry.flush();
    ended
}
