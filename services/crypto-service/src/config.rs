//! Configuration of crypto-service.

use std::{fs::File, net::SocketAddr};

use anyhow::Context;
use postern_chassis::config::{Check, OpsConfig, ServiceConfig, TlsFiles};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use postern_keyring::KeyringConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// The service's TOML file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Probes, and how the service stops.
    #[serde(default)]
    pub ops: OpsConfig,
    /// Address of the mutual TLS listener, reachable only from inside the cluster.
    pub listen: SocketAddr,
    /// This service's certificate, and the authority of its callers.
    pub tls: TlsFiles,
    /// The master keys.
    pub keyring: KeyringConfig,
    /// Issuers whose tokens are accepted. The same as in the other services.
    pub issuers: Vec<IssuerConfig>,
    /// Hosts that key sets may be fetched from.
    #[serde(default)]
    pub egress: Policy,
}

impl ServiceConfig for Config {
    fn ops(&self) -> &OpsConfig {
        &self.ops
    }

    fn check(&self, check: &mut Check) {
        check.issuers(&self.issuers, &self.egress);
        check.server_certificate("tls", &self.tls);
        let file = &self.keyring.file;
        let readable = File::open(file).map(drop).with_context(|| format!("cannot read {}", file.display()));
        check.key("keyring.file", readable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/crypto-service.toml");
        let config = toml::from_str::<Config>(example).unwrap();
        for url in config.issuers.iter().filter_map(IssuerConfig::fetched_url) {
            config.egress.admit(url.host(), url.port()).unwrap();
        }
        let mistyped = example.replacen("issuer = ", "isuer = ", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
        let elsewhere = example.replacen("[keyring]", "[keyring]\nreplica = \"../other\"", 1);
        assert!(toml::from_str::<Config>(&elsewhere).is_err(), "a replica's name is a file's name");
    }

    #[test]
    fn the_overlays_for_kubernetes_are_configurations() {
        for overlay in [
            include_str!("../../../deploy/kubernetes/overlays/dev/config/crypto-service.toml"),
            include_str!("../../../deploy/kubernetes/overlays/prod/config/crypto-service.toml"),
        ] {
            let config = toml::from_str::<Config>(overlay).unwrap();
            assert!(config.ops.listen.is_some(), "Kubernetes probes the operations listener");
            for url in config.issuers.iter().filter_map(IssuerConfig::fetched_url) {
                config.egress.admit(url.host(), url.port()).unwrap();
            }
        }
    }
}
