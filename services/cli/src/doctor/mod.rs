//! `postern doctor`: checks everything that an operator sets up, and suggests fixes. Changes nothing.

mod certificate;
mod database;
mod files;
mod finding;
mod keyring;
mod service_files;
mod services;

use std::path::Path;

use crate::{
    config::Config,
    crypto::Crypto,
    failure::{Exit, Failure},
    output::{Output, count},
};

use finding::{Finding, Findings, State};

pub(crate) async fn run(path: Option<&Path>, output: Output) -> Result<(), Failure> {
    let mut findings = Findings::default();
    match Config::load(path) {
        Ok(config) => look(path, &config, &mut findings).await,
        Err(failure) => findings.push(Finding::failed("configuration", failure)),
    }
    output.print(&findings, || findings.to_text())?;
    let failed = findings.count(State::Fail);
    if failed == 0 {
        return Ok(());
    }
    let message = format!("{} failed", count(u64::try_from(failed).unwrap_or(u64::MAX), "check"));
    Err(Failure::new(Exit::Failed, message))
}

async fn look(path: Option<&Path>, config: &Config, findings: &mut Findings) {
    files::look(path, config, findings);
    let ring = match config.crypto() {
        Ok(crypto) => {
            findings.push(certificate::look(&crypto.tls));
            match Crypto::new(crypto) {
                Ok(crypto) => keyring::fetch(&crypto, findings).await,
                Err(failure) => {
                    findings.push(Finding::failure("crypto-service", failure));
                    None
                }
            }
        }
        Err(failure) => {
            findings.push(Finding::skipped("crypto-service", failure));
            None
        }
    };
    let seals = database::look(config, findings).await;
    if let Some(ring) = ring {
        keyring::look(&ring, seals.as_deref(), findings);
    }
    services::look(&config.doctor.listeners, findings).await;
    service_files::look(&config.doctor.configs, findings).await;
}
