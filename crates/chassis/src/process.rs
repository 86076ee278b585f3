//! From `main` to the end of the process.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches, Parser};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use serde::de::DeserializeOwned;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Gate, Health, Lifecycle,
    config::{self, OpsConfig, ServiceConfig},
    ops, server,
};

/// The command line of every service.
#[derive(Parser)]
struct Arguments {
    /// The service's configuration, a TOML file; deploy/config has an example.
    #[arg(long, env = "POSTERN_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

/// The process that a service runs in.
#[derive(Clone)]
pub struct Process {
    /// When to stop.
    pub life: Lifecycle,
    /// The state that probes report.
    pub health: Health,
    config: Option<Arc<Path>>,
}

impl Process {
    /// For a service that shares its process with others: no configuration file, and no signals.
    pub fn shared(service: &'static str, life: &Lifecycle) -> Self {
        Self { life: life.clone(), health: Health::new(service, life), config: None }
    }

    /// At each SIGHUP, reads the configuration again and trusts the issuers that it names then. Whatever else has
    /// changed in it takes effect with a restart; a configuration that cannot be used changes nothing.
    pub fn reread_issuers<C: DeserializeOwned>(
        &self,
        gate: Gate,
        issuers: impl Fn(C) -> (Vec<IssuerConfig>, Policy) + Send + 'static,
    ) -> Result<()> {
        let Some(path) = self.config.clone() else { return Ok(()) };
        on_hangup(move || {
            let reread = config::load(&path).map(&issuers);
            match reread.and_then(|(issuers, egress)| gate.replace(issuers, egress)) {
                Ok(()) => tracing::info!("SIGHUP: the issuers were read again"),
                Err(error) => {
                    tracing::warn!("SIGHUP: the configuration cannot be used; nothing changed: {error:#}");
                }
            }
        })
    }
}

/// Calls `act` at each SIGHUP: the sign that configuration has changed.
pub fn on_hangup(act: impl Fn() + Send + 'static) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            act();
        }
    });
    Ok(())
}

/// The whole of a service's `main`: reads the command line and the configuration, hardens the process, answers probes,
/// and runs `service` until it ends. An error ends the process with status 1 and one JSON line that says why.
pub fn run<C, F>(name: &'static str, version: &'static str, service: impl FnOnce(C, Process) -> F) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = Result<()>>,
{
    let arguments = match parse(name, version, std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    crate::telemetry::init();
    match start(name, &arguments, service) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = name, "cannot go on: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(
    name: &'static str,
    version: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    let command = Arguments::command().name(name).bin_name(format!("postern-{name}")).version(version);
    Arguments::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn start<C, F>(name: &'static str, arguments: &Arguments, service: impl FnOnce(C, Process) -> F) -> Result<()>
where
    C: ServiceConfig,
    F: Future<Output = Result<()>>,
{
    crate::harden::harden()?;
    let config: C = config::load(&arguments.config)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let outcome = runtime.block_on(async {
        let life = Lifecycle::until_signalled(config.ops().stop_times())?;
        let health = Health::new(name, &life);
        answer_probes(config.ops(), &health).await?;
        let file = Some(arguments.config.as_path().into());
        service(config, Process { life, health, config: file }).await
    });
    // Tasks that still wait for a file or for another service have no caller left.
    runtime.shutdown_background();
    outcome
}

async fn answer_probes(config: &OpsConfig, health: &Health) -> Result<()> {
    if let Some(address) = config.listen {
        let listener = server::bind(address).await.context("ops.listen")?;
        tokio::spawn(ops::serve(listener, health.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        parse("a-service", "1.2.3", arguments.iter().map(Into::into))
    }

    #[test]
    fn a_service_tells_its_version_and_how_it_is_called() {
        let version = parsed(&["postern-a-service", "--version"]).err().unwrap();
        assert_eq!((version.to_string().trim(), version.exit_code()), ("a-service 1.2.3", 0));
        let help = parsed(&["postern-a-service", "--help"]).err().unwrap();
        assert!(help.to_string().contains("--config <FILE>") && help.exit_code() == 0, "{help}");
        let unknown = parsed(&["postern-a-service", "--colour"]).err().unwrap();
        assert_eq!(unknown.exit_code(), 2);
        assert_eq!(parsed(&["x", "--config", "/a.toml"]).unwrap().config, Path::new("/a.toml"));
    }
}
