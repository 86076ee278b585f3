//! `cargo xtask bench`: the benchmark table.

use std::{
    os::unix::process::CommandExt,
    path::{self, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{console, process, say, up::target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rows to run, by id or by prefix, for example `proxy.point`; all by default.
    ids: Vec<String>,
    /// Also write the table to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Length of each measured window, in seconds.
    #[arg(long)]
    seconds: Option<f64>,
}

/// The profile that images are built with: what is measured is what is shipped.
const PROFILE: &str = "image";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // The embedded Postgres comes with the console's packages.
    console::install()?;
    say("building the services and the benchmark");
    // Built separately, so that the benchmark's dependencies do not change the features Postern is built with.
    for package in ["postern-standalone", "postern-bench"] {
        process::run(&mut process::cargo(["build", "--profile", PROFILE, "--package", package]))?;
    }
    let mut bench = Command::new(target_dir().join(PROFILE).join("postern-bench"));
    bench.args(&arguments.ids);
    if let Some(file) = &arguments.json {
        bench.arg("--json").arg(path::absolute(file)?);
    }
    if let Some(seconds) = arguments.seconds {
        bench.arg("--seconds").arg(seconds.to_string());
    }
    // Replaces this process, so that signals reach the benchmark and it can stop the servers it has started.
    Err(bench.exec()).context("cannot start the benchmark")
}
