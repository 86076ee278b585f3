//! From `main` to the end of the process.

use std::{
    ffi::OsString,
    io::Write,
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
    Gate, Health, Lifecycle, Metrics,
    config::{self, Check, OpsConfig, ServiceConfig},
    health::{DependencyReport, Reach},
    ops, server,
    telemetry::{Telemetry, log_panics},
};

/// The command line of every service.
#[derive(Parser)]
struct Arguments {
    /// The service's configuration, a TOML file; deploy/config has an example.
    #[arg(long, env = "POSTERN_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// Read and check the configuration, print what is wrong with it, and exit: 0 if it is sound, 2 if not.
    #[arg(long)]
    check_config: bool,
}

/// The exit code for a command line or a configuration that cannot be used.
const UNUSABLE: u8 = 2;

/// The process that a service runs in.
#[derive(Clone)]
pub struct Process {
    /// When to stop.
    pub life: Lifecycle,
    /// The state that probes report.
    pub health: Health,
    /// What Prometheus reads.
    pub metrics: Metrics,
    config: Option<Arc<Path>>,
}

impl Process {
    /// For a service that shares its process with others: no configuration file, and no signals.
    pub fn shared(service: &'static str, life: &Lifecycle) -> Self {
        let (health, metrics) = (Health::new(service, life), Metrics::default());
        Self { life: life.clone(), health, metrics, config: None }
    }

    /// Opens the operations listener, if the configuration has one. To be called within a runtime.
    pub async fn answer_probes(&self, config: &OpsConfig) -> Result<()> {
        if let Some(address) = config.listen {
            let listener = server::bind(address).await.context("ops.listen")?;
            let (health, metrics) = (self.health.clone(), self.metrics.clone());
            show(&health, &metrics);
            tokio::spawn(ops::serve(listener, health, metrics));
        }
        Ok(())
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
/// and runs `service` until it ends. An error ends the process with one JSON line that says why, and status 1, or 2 if
/// it is the configuration's.
pub fn run<C, F>(name: &'static str, version: &'static str, service: impl FnOnce(C, Process) -> F) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = Result<()>>,
{
    let arguments = match parse(name, version, std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(UNUSABLE));
        }
    };
    if arguments.check_config {
        return check::<C>(&arguments.config);
    }
    match start(name, &arguments, service) {
        Ok(code) => code,
        Err(error) => {
            // There is no log yet.
            let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(
    name: &'static str,
    version: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    let about = format!("Runs Postern's {name} until SIGTERM. SIGHUP rereads the issuers.");
    let command = Arguments::command().name(name).bin_name(format!("postern-{name}")).version(version);
    let command = command.about(about);
    Arguments::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// Prints a line for each problem to stdout, or that the configuration is sound.
fn check<C: ServiceConfig>(path: &Path) -> ExitCode {
    let problems = match config::load::<C>(path) {
        Ok(config) => {
            let mut check = Check::default();
            config.check(&mut check);
            check.problems().iter().map(|problem| format!("{}: {problem}", path.display())).collect()
        }
        Err(error) => vec![format!("{error:#}")],
    };
    let sound = problems.is_empty();
    let lines = if sound { vec![format!("{}: ok", path.display())] } else { problems };
    let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
    if sound { ExitCode::SUCCESS } else { ExitCode::from(UNUSABLE) }
}

/// Fails only before there is a log.
fn start<C, F>(
    name: &'static str,
    arguments: &Arguments,
    service: impl FnOnce(C, Process) -> F,
) -> Result<ExitCode>
where
    C: ServiceConfig,
    F: Future<Output = Result<()>>,
{
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let in_runtime = runtime.enter();
    let telemetry = Telemetry::new(name).start()?;
    log_panics();
    drop(in_runtime);
    let fail = |error: anyhow::Error, code: ExitCode| {
        tracing::error!(service = name, "cannot go on: {error:#}");
        code
    };
    let code = match config::load(&arguments.config) {
        Ok(config) => {
            let served = runtime.block_on(serve(name, &arguments.config, config, service));
            served.map_or_else(|error| fail(error, ExitCode::FAILURE), |()| ExitCode::SUCCESS)
        }
        Err(error) => fail(error, ExitCode::from(UNUSABLE)),
    };
    telemetry.flush();
    // Tasks that still wait for a file or for another service have no caller left.
    runtime.shutdown_background();
    Ok(code)
}

async fn serve<C, F>(
    name: &'static str,
    path: &Path,
    config: C,
    service: impl FnOnce(C, Process) -> F,
) -> Result<()>
where
    C: ServiceConfig,
    F: Future<Output = Result<()>>,
{
    crate::harden::harden()?;
    let life = Lifecycle::until_signalled(config.ops().stop_times())?;
    let (health, metrics) = (Health::new(name, &life), Metrics::default());
    let process = Process { life, health, metrics, config: Some(path.into()) };
    process.answer_probes(config.ops()).await?;
    service(config, process).await
}

/// The states of dependencies as metrics.
fn show(health: &Health, metrics: &Metrics) {
    let ready = health.clone();
    metrics.gauge("ready", "Whether this replica should get calls", move || {
        vec![(Vec::new(), f64::from(u8::from(ready.report().ready)))]
    });
    let health = health.clone();
    metrics.gauge("dependency_reached", "Whether the last attempt to reach it succeeded", move || {
        let dependencies = health.report().dependencies.into_iter();
        let reached = |reach| f64::from(u8::from(reach == Reach::Reached));
        let value = |one: DependencyReport| (vec![("dependency", one.name.to_owned())], reached(one.state));
        dependencies.map(value).collect()
    });
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
        assert!(help.to_string().starts_with("Runs Postern's a-service"), "{help}");
        let unknown = parsed(&["postern-a-service", "--colour"]).err().unwrap();
        assert_eq!(unknown.exit_code(), 2);
        assert_eq!(parsed(&["x", "--config", "/a.toml"]).unwrap().config, Path::new("/a.toml"));
    }
}
