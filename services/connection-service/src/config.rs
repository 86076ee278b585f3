//! Configuration of connection-service.

use std::path::PathBuf;

use postern_chassis::config::{CryptoClientConfig, EdgeConfig};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use serde::Deserialize;

use crate::RewrapConfig;

/// The service's TOML file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where users reach it.
    pub edge: EdgeConfig,
    /// Whose tokens prove who a user is.
    pub issuers: Vec<IssuerConfig>,
    /// Where key sets may be fetched from.
    #[serde(default)]
    pub egress: Policy,
    /// What the RPCs work with.
    pub backends: Backends,
    /// Seals are moved to the primary key in the background; absent: only by `postern rewrap`.
    pub rewrap: Option<RewrapConfig>,
}

/// What the RPCs work with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// A file with the control database's URL, for the role `postern_connection`.
    #[serde(deserialize_with = "postern_chassis::config::secret_file")]
    pub database_url_file: PathBuf,
    /// crypto-service.
    pub crypto: CryptoClientConfig,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/connection-service.toml");
        let config = toml::from_str::<Config>(example).unwrap();
        for url in config.issuers.iter().filter_map(|issuer| issuer.jwks_url.as_ref()) {
            config.egress.admit(url.host(), url.port()).unwrap();
        }
        assert!(config.rewrap.is_none());
        let switched_on = example.replace("# [rewrap]", "[rewrap]").replace("\n# database", "\ndatabase");
        assert!(toml::from_str::<Config>(&switched_on).unwrap().rewrap.is_some());
        let mistyped = example.replacen("issuer = ", "isuer = ", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
    }
}
