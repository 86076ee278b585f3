//! `--check-config`: what is wrong with a configuration, and what to do about it, without starting the service.

use std::sync::Arc;

use anyhow::{Context, Result};
use postern_domain::{Clock, SystemClock};
use postern_egress::{EgressError, Policy};
use postern_identity::IssuerConfig;

use crate::{
    Gate,
    config::{CryptoClientConfig, DatabaseConfig, EdgeConfig, TlsFiles},
    cors, mtls,
};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Check {
    problems: Vec<String>,
}

impl Check {
    /// Notes a failure under the key that it is about.
    pub fn key<T>(&mut self, key: &str, outcome: Result<T>) {
        if let Err(error) = outcome {
            self.problems.push(format!("{key}: {error:#}"));
        }
    }

    /// The listener for users.
    pub fn edge(&mut self, edge: &EdgeConfig) {
        self.key("edge.cors_origins", cors::layer(&edge.cors_origins));
    }

    /// Issuers with their secret and CA files, and whether their key sets or discovery documents may be fetched: the
    /// addresses, not the documents.
    pub fn issuers(&mut self, issuers: &[IssuerConfig], egress: &Policy) {
        self.key("issuers", Gate::new(issuers.to_vec(), egress.clone(), Arc::new(SystemClock)));
        for (issuer, url) in issuers.iter().filter_map(|issuer| Some((issuer, issuer.fetched_url()?))) {
            let refused =
                |error: EgressError| anyhow::anyhow!("issuer '{}': {}", issuer.issuer, error.for_operator());
            let key = if issuer.discovery { "issuers.discovery" } else { "issuers.jwks_url" };
            self.key(key, egress.admit(url.host(), url.port()).map_err(refused));
        }
    }

    /// A database's URL file. `parse` is the store's, which refuses a URL that no connection can be opened with.
    pub fn database<T, E: std::error::Error + Send + Sync + 'static>(
        &mut self,
        key: &str,
        database: &DatabaseConfig,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) {
        let file = || database.url_file.display().to_string();
        let usable = database.read_url().and_then(|url| parse(&url).map(drop).with_context(file));
        self.key(&format!("{key}.url_file"), usable);
    }

    /// The way to crypto-service.
    pub fn crypto(&mut self, key: &str, crypto: &CryptoClientConfig) {
        self.key(&format!("{key}.url"), mtls::check_url(&crypto.url));
        self.certificate(&format!("{key}.tls"), &crypto.tls);
    }

    /// A certificate that a service shows as a server: its files, and whether it has expired.
    pub fn server_certificate(&mut self, key: &str, files: &TlsFiles) {
        self.key(key, mtls::ServerTls::load(files));
        let expired = mtls::expires_at(files).is_ok_and(|expiry| expiry <= SystemClock.now());
        self.key(
            key,
            if expired { Err(anyhow::anyhow!("the certificate has expired; renew it")) } else { Ok(()) },
        );
    }

    /// A certificate that a service shows as a client: its files, its dates, its name.
    fn certificate(&mut self, key: &str, files: &TlsFiles) {
        self.key(key, mtls::inspect(files, SystemClock.now()));
    }

    /// A line for each problem.
    pub fn problems(self) -> Vec<String> {
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::mtls::test_support::{Folder, authority};

    #[test]
    fn every_problem_is_told_with_its_key_and_the_file() {
        let folder = Folder::of(&authority(), "proxy-service");
        let mut check = Check::default();
        let crypto = |url: &str, tls| CryptoClientConfig { url: url.to_owned(), tls };
        check.crypto("backends.crypto", &crypto("https://crypto-service:8443", folder.files()));
        assert_eq!(check.problems, [""; 0], "nothing is wrong");

        let missing = TlsFiles { key: "/no/such/tls.key".into(), ..folder.files() };
        check.crypto("backends.crypto", &crypto("http://crypto-service:8443", missing));
        check.database("backends.database", &DatabaseConfig::new("/no/such/url".into()), |_| {
            io::Result::Ok(())
        });
        check.issuers(&[], &Policy::default());
        let [url, tls, database, issuers] = check.problems().try_into().unwrap();
        assert!(url.starts_with("backends.crypto.url: ") && url.contains("https://"), "{url}");
        assert!(tls.starts_with("backends.crypto.tls: ") && tls.contains("/no/such/tls.key"), "{tls}");
        assert!(database.starts_with("backends.database.url_file: cannot read /no/such/url"), "{database}");
        assert!(issuers.starts_with("issuers: "), "{issuers}");
    }

    #[test]
    fn an_issuer_whose_keys_may_not_be_fetched_is_a_problem() {
        for (source, key) in [
            (serde_json::json!({ "jwks_url": "https://10.0.0.1/keys" }), "issuers.jwks_url: "),
            (serde_json::json!({ "discovery": true }), "issuers.discovery: "),
        ] {
            let mut issuer = serde_json::json!({ "issuer": "https://10.0.0.1", "audience": "postern" });
            issuer.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
            let mut check = Check::default();
            check.issuers(&[serde_json::from_value(issuer).unwrap()], &Policy::default());
            let [problem] = check.problems().try_into().unwrap();
            assert!(problem.starts_with(key), "{problem}");
            assert!(problem.ends_with("add its network to allow in [egress]"), "{problem}");
        }
    }
}
