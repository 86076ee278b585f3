//! Configuration of connection-service.

use postern_chassis::config::{
    Check, CryptoClientConfig, DatabaseConfig, EdgeConfig, OpsConfig, ServiceConfig,
};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use postern_store::transport;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::RewrapConfig;

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
    /// Moves seals to the primary key in the background. Without it, only `postern rewrap` does.
    pub rewrap: Option<RewrapConfig>,
}

/// What the RPCs use.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// The control database, with the role `postern_connection`.
    pub database: DatabaseConfig,
    /// crypto-service.
    pub crypto: CryptoClientConfig,
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
        if let Some(rewrap) = &self.rewrap {
            check.database("rewrap.database", &rewrap.database, transport);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_that_cannot_be_used_is_found_without_starting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("database.url");
        std::fs::write(&file, "postgresql://u:canary@h/d?sslmode=bogus").unwrap();
        let example = include_str!("../../../deploy/config/connection-service.toml")
            .replace("/etc/postern/database/postern_connection.url", file.to_str().unwrap());
        let mut check = Check::default();
        toml::from_str::<Config>(&example).unwrap().check(&mut check);
        let problems = check.problems();
        let database = problems.iter().find(|problem| problem.starts_with("backends.database.url_file: "));
        let database = database.unwrap_or_else(|| panic!("{problems:?}"));
        assert!(
            database.contains(file.to_str().unwrap()) && database.contains("unknown sslmode"),
            "{database}"
        );
        assert!(!database.contains("canary"), "{database}");
    }

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/connection-service.toml");
        let config = toml::from_str::<Config>(example).unwrap();
        for url in config.issuers.iter().filter_map(IssuerConfig::fetched_url) {
            config.egress.admit(url.host(), url.port()).unwrap();
        }
        assert!(config.rewrap.is_none());
        let switched_on = example.replace("# [rewrap", "[rewrap").replace("\n# url_file", "\nurl_file");
        assert!(toml::from_str::<Config>(&switched_on).unwrap().rewrap.is_some());
        let mistyped = example.replacen("issuer = ", "isuer = ", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
    }

    #[test]
    fn the_overlays_for_kubernetes_are_configurations() {
        for overlay in [
            include_str!("../../../deploy/kubernetes/overlays/dev/config/connection-service.toml"),
            include_str!("../../../deploy/kubernetes/overlays/prod/config/connection-service.toml"),
        ] {
            let config = toml::from_str::<Config>(overlay).unwrap();
            assert!(config.ops.listen.is_some(), "Kubernetes probes the operations listener");
            for url in config.issuers.iter().filter_map(IssuerConfig::fetched_url) {
                config.egress.admit(url.host(), url.port()).unwrap();
            }
        }
    }
}
