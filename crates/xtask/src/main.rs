//! `cargo xtask`: the commands for developing this workspace.

mod bench;
mod chromium;
mod console;
mod debian;
mod fuzz;
mod images;
mod kube;
mod lint;
mod manifests;
mod process;
mod python;
mod test;
mod tools;
mod up;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Develop Postern: run it, test it, measure it.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up and run everything on this machine; prints the console's URL when ready.
    Up(up::Arguments),
    /// Set up and run every test.
    Test(test::Arguments),
    /// Print the benchmark table, which compares Postern with its peers.
    Bench(bench::Arguments),
    /// Fuzz the parsers of untrusted input.
    Fuzz(fuzz::Arguments),
    /// Build the container images.
    Images(images::Arguments),
    /// Run the dev overlay's pods with podman, behind Envoy, and test them.
    Kube(kube::Arguments),
    /// Check formatting, lints, protos and manifests.
    Lint,
    /// Render and check the Kubernetes manifests; part of `lint`.
    Manifests,
    /// Generate the Rust and TypeScript code from the protos, and the configuration reference.
    Gen,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Images(arguments) => images::run(&arguments),
        Command::Kube(arguments) => kube::run(&arguments),
        Command::Lint => lint::run(),
        Command::Manifests => manifests::lint(),
        Command::Gen => generate(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<()> {
    let mut rust = process::cargo(["test", "--quiet", "--package", "xtask", "--test", "generated"]);
    process::run(rust.env("POSTERN_GENERATE", "1"))?;
    let mut reference = process::cargo(["test", "--quiet", "--package", "postern-reference-tests"]);
    process::run(reference.env("POSTERN_GENERATE", "1"))?;
    console::install()?;
    console::npm("gen")
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}

/// Prints a progress message to stderr; stdout is for results.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "==> {text}");
}
