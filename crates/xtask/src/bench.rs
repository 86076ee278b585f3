//! `cargo xtask bench`: the benchmark table.

use anyhow::Result;

use crate::process;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rows to run, by their ids; all when left out.
    ids: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    crate::console::install()?;
    let mut bench = process::cargo(["run", "--quiet", "--release", "--package", "postern-bench", "--"]);
    process::run(bench.args(&arguments.ids))
}
