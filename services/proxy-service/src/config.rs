//! Configuration of proxy-service.

use postern_chassis::config::{
    Check, CryptoClientConfig, DatabaseConfig, EdgeConfig, OpsConfig, ServiceConfig,
};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use postern_store::transport;
use postern_tenant::PoolLimits;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::AdmissionLimits;

/// The service's TOML file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Probes, and how the service stops.
    #[serde(default)]
    pub ops: OpsConfig,
    /// The listener for users.
    pub edge: EdgeConfig,
    /// Issuers whose tokens are accepted.
    pub issuers: Vec<IssuerConfig>,
    /// Addresses from which key sets may be fetched.
    #[serde(default)]
    pub egress: Policy,
    /// What the RPCs use.
    pub backends: Backends,
}

/// What the RPCs use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// Whether a call ends when its connection is changed or deleted while it runs.
    #[serde(default = "yes")]
    pub cancel_on_change: bool,
    /// The control database, with the role `postern_proxy`.
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

const fn yes() -> bool {
    true
}

impl ServiceConfig for Config {
    fn ops(&self) -> &OpsConfig {
        &self.ops
    }

    fn check(&self, check: &mut Check) {
        check.edge(&self.edge);
        check.issuers(&self.issuers, &self.egress);
        check.database("backends.database", &self.backends.database, transport);
        check.crypto("backends.crypto", &self.backends.crypto);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/proxy-service.toml");
        let config = toml::from_str::<Config>(example).unwrap();
        for url in config.issuers.iter().filter_map(IssuerConfig::fetched_url) {
            config.egress.admit(url.host(), url.port()).unwrap();
        }
        let mistyped = example.replacen("issuer = ", "isuer = ", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
    }

    #[test]
    fn the_overlays_for_kubernetes_are_configurations() {
        for overlay in [
            include_str!("../../../deploy/kubernetes/overlays/dev/config/proxy-service.toml"),
            include_str!("../../../deploy/kubernetes/overlays/prod/config/proxy-service.toml"),
        ] {
            let config = toml::from_str::<Config>(overlay).unwrap();
            assert!(config.ops.listen.is_some(), "Kubernetes probes the operations listener");
            for url in config.issuers.iter().filter_map(IssuerConfig::fetched_url) {
                config.egress.admit(url.host(), url.port()).unwrap();
            }
        }
    }
}
