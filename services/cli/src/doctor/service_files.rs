//! Checks services by their configuration files: whether their issuers' key sets can be fetched from here, by the same
//! rules, and what is in the key ring's file.

use std::path::{Path, PathBuf};

use postern_chassis::{
    config::{Issuers, TlsFiles},
    issuers::fetch_key_sets,
};
use postern_keyring::{KeyringConfig, key_files};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    certificate, files,
    finding::{Finding, Findings},
};
use crate::config::read;

/// The parts of a service's configuration that are checked besides the issuers. The service checks the rest itself
/// (`--check-config`).
#[derive(Deserialize)]
struct Parts {
    tls: Option<TlsFiles>,
    keyring: Option<KeyringConfig>,
    backends: Option<Backends>,
}

#[derive(Deserialize)]
struct Backends {
    database: Option<Database>,
    crypto: Option<Crypto>,
}

#[derive(Deserialize)]
struct Database {
    url_file: PathBuf,
}

#[derive(Deserialize)]
struct Crypto {
    tls: TlsFiles,
}

pub(super) async fn look(configs: &[PathBuf], findings: &mut Findings) {
    if configs.is_empty() {
        findings.push(Finding::skipped(
            "service files",
            "no configuration of a service is named; set doctor.configs where they can be read",
        ));
    }
    for path in configs {
        if let Some(issuers) = parsed::<Issuers>(path, findings) {
            key_sets(path, issuers, findings).await;
        }
        if let Some(parts) = parsed::<Parts>(path, findings) {
            look_at(parts, findings).await;
        }
    }
}

fn parsed<C: DeserializeOwned>(path: &Path, findings: &mut Findings) -> Option<C> {
    read(path).map_err(|failure| findings.push(Finding::failed("service files", failure))).ok()
}

async fn key_sets(path: &Path, issuers: Issuers, findings: &mut Findings) {
    let shown = path.display();
    match fetch_key_sets(issuers).await {
        Err(error) => findings.push(Finding::failed("issuers", format!("{shown}: {error:#}"))),
        Ok(fetched) => {
            for (issuer, outcome) in fetched {
                findings.push(match outcome {
                    Ok(()) => {
                        Finding::ok("issuers", format!("{shown}: the key set of {issuer} can be fetched"))
                    }
                    Err(error) => Finding::failed(
                        "issuers",
                        format!("{shown}: the key set of {issuer} cannot be fetched: {error}"),
                    )
                    .advice("Its users' tokens are refused until it can be."),
                });
            }
        }
    }
}

async fn look_at(parts: Parts, findings: &mut Findings) {
    let Parts { tls, keyring, backends } = parts;
    let (database, crypto) = backends.map_or((None, None), |backends| (backends.database, backends.crypto));
    for tls in tls.into_iter().chain(crypto.map(|crypto| crypto.tls)) {
        findings.push(files::secret(&tls.key));
        findings.push(certificate::of_service(&tls));
    }
    if let Some(database) = database {
        findings.push(files::secret(&database.url_file));
    }
    if let Some(keyring) = keyring {
        let file = keyring.file.display().to_string();
        // Reading it may wait for a file system.
        let looked = tokio::task::spawn_blocking(move || key_files::inspect(&keyring)).await;
        findings.push(match looked {
            Ok(Ok(ring)) => Finding::ok(
                "ring file",
                format!("{file}: revision {}, wrapped by the root '{}'", ring.revision, ring.root),
            ),
            Ok(Err(error)) => Finding::failure("ring file", anyhow::Error::from(error).context(file).into()),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        });
    }
}
