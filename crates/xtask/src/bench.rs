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
    /// Rows to run: ids, or their first words (`proxy.point`); all when left out.
    ids: Vec<String>,
    /// Writes the table to a file too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Seconds of each measured window.
    #[arg(long)]
    seconds: Option<f64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // The embedded Postgres comes with the console's packages.
    console::install()?;
    say("building the services and the benchmark");
    // One after the other: what Postern is built with must not depend on what the benchmark needs.
    for package in ["postern-standalone", "postern-bench"] {
        process::run(&mut process::cargo(["build", "--release", "--package", package]))?;
    }
    let mut bench = Command::new(target_dir().join("release/postern-bench"));
    bench.args(&arguments.ids);
    if let Some(file) = &arguments.json {
        bench.arg("--json").arg(path::absolute(file)?);
    }
    if let Some(seconds) = arguments.seconds {
        bench.arg("--seconds").arg(seconds.to_string());
    }
    // Takes our place, so that signals reach it and it can stop what it has started.
    Err(bench.exec()).context("cannot start the benchmark")
}
