//! Configuration of proxy-service.

use postern_chassis::config::{CryptoClientConfig, DatabaseConfig, EdgeConfig};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use postern_tenant::PoolLimits;
use serde::Deserialize;

use crate::AdmissionLimits;

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
}

/// What the RPCs work with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// The control database, as `postern_proxy`.
    pub database: DatabaseConfig,
    /// crypto-service.
    pub crypto: CryptoClientConfig,
    /// Which tenants' servers may be dialled.
    #[serde(default)]
    pub egress: Policy,
    /// How many sessions with tenants' servers are kept.
    #[serde(default)]
    pub pools: PoolLimits,
    /// How many calls may be in progress.
    #[serde(default)]
    pub admission: AdmissionLimits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/proxy-service.toml");
        let config = toml::from_str::<Config>(example).unwrap();
        for url in config.issuers.iter().filter_map(|issuer| issuer.jwks_url.as_ref()) {
            config.egress.admit(url.host(), url.port()).unwrap();
        }
        let mistyped = example.replacen("issuer = ", "isuer = ", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
    }
}
