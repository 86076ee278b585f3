//! Configuration of crypto-service.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Result;
use postern_chassis::config::TlsFiles;
use postern_domain::SystemClock;
use postern_egress::Policy;
use postern_envelope::{SystemEntropy, embedded};
use postern_identity::IssuerConfig;
use serde::Deserialize;

use crate::ReplicaName;

pub use crate::roots::RootConfig;

/// The service's TOML file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address for mutual TLS; reachable from inside the cluster only.
    pub listen: SocketAddr,
    /// Certificate of this service, and the authority of its callers.
    pub tls: TlsFiles,
    /// The master keys.
    pub keyring: KeyringConfig,
    /// Whose tokens prove who a user is. The same as at the other services.
    pub issuers: Vec<IssuerConfig>,
    /// Where key sets may be fetched from.
    #[serde(default)]
    pub egress: Policy,
}

/// Where the master keys are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyringConfig {
    /// The ring: JSON, with each key wrapped by the root.
    pub file: PathBuf,
    /// What unwraps the keys.
    pub root: RootConfig,
    /// Name of this replica among those that share the ring's folder; by default the host's.
    #[serde(default)]
    pub replica: Option<ReplicaName>,
}

impl KeyringConfig {
    /// The key ring that a folder keeps, with its root beside it; made if missing. For development: whoever copies the
    /// folder has the keys.
    pub fn embedded(folder: &Path) -> Result<Self> {
        embedded::load_or_create(folder, &SystemEntropy, &SystemClock)?;
        let root = RootConfig::File { path: folder.join(embedded::ROOT_FILE) };
        Ok(Self { file: folder.join(embedded::RING_FILE), root, replica: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/crypto-service.toml");
        let config = toml::from_str::<Config>(example).unwrap();
        for url in config.issuers.iter().filter_map(|issuer| issuer.jwks_url.as_ref()) {
            config.egress.admit(url.host(), url.port()).unwrap();
        }
        let mistyped = example.replacen("issuer = ", "isuer = ", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
        let elsewhere = example.replacen("[keyring]", "[keyring]\nreplica = \"../other\"", 1);
        assert!(toml::from_str::<Config>(&elsewhere).is_err(), "a replica's name is a file's name");
    }
}
