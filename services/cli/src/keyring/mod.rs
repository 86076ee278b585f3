//! `postern keyring …`.

mod destroy;
mod disable;
mod enable;
mod files;
mod promote;
mod stage;
mod status;
mod view;

use std::path::Path;

use crate::{
    arguments::KeyringCommand, config::Config, crypto::Crypto, failure::Failure, in_runtime, output::Output,
};

pub(crate) fn run(command: &KeyringCommand, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    match command {
        KeyringCommand::Init => files::init(config, output),
        KeyringCommand::MoveRoot { to } => files::move_root(config, to, output),
        remote => in_runtime(ask(remote, Config::load(config)?, output)),
    }
}

/// Runs a command that calls crypto-service.
async fn ask(command: &KeyringCommand, config: Config, output: Output) -> Result<(), Failure> {
    let crypto = Crypto::new(config.crypto()?)?;
    match *command {
        KeyringCommand::Status => status::run(&crypto, &config, output).await,
        KeyringCommand::Stage => stage::run(&crypto, output).await,
        KeyringCommand::Promote { id, wait, timeout } => {
            promote::run(&crypto, id, wait.then_some(timeout), output).await
        }
        KeyringCommand::Disable { id, yes } => disable::run(&crypto, &config, id, yes, output).await,
        KeyringCommand::Enable { id } => enable::run(&crypto, id, output).await,
        KeyringCommand::Destroy { id, yes, allow_loss } => {
            destroy::run(&crypto, &config, destroy::Choice { id, yes, allow_loss }, output).await
        }
        KeyringCommand::Init | KeyringCommand::MoveRoot { .. } => Ok(()),
    }
}
