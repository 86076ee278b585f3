//! `postern`: the operator's command line.
//!
//! Results go to stdout, everything else to stderr. It can manage the key ring, rewrap seals, withdraw access, and
//! export or erase a user's data, but cannot open a seal.

mod arguments;
mod ask;
mod config;
mod crypto;
mod database;
mod deny;
mod doctor;
mod failure;
mod keyring;
mod migrate;
mod output;
mod owner;
mod rewrap;
mod user;
mod waiting;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};
use failure::Failure;
use output::Output;

pub use config::Config;

/// The whole of `main`: reads the command line, runs the command, and returns its exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "postern: {failure}");
            failure.exit.into()
        }
    }
}

fn execute(arguments: &Arguments) -> Result<(), Failure> {
    postern_chassis::harden::harden()?;
    let output = Output { json: arguments.json };
    let path = arguments.config.as_deref();
    match &arguments.command {
        Command::Keyring(command) => keyring::run(command, path, output),
        Command::Rewrap(options) => in_runtime(rewrap::run(options, &Config::load(path)?, output)),
        Command::Migrate(options) => in_runtime(migrate::run(options, &Config::load(path)?, output)),
        Command::Deny(command) => in_runtime(deny::run(command, &Config::load(path)?, output)),
        Command::User(command) => in_runtime(user::run(command, &Config::load(path)?, output)),
        Command::Doctor => in_runtime(doctor::run(path, output)),
        Command::Completions { shell } => completions(*shell),
    }
}

/// Runs a command that uses the network.
fn in_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Runtime::new()?.block_on(work)
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "postern", &mut script);
    output::write(&String::from_utf8_lossy(&script))
}
