//! Configuration: one TOML file, named by `POSTERN_CONFIG`. A key that is not known stops the start.

use std::{env, fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, de::DeserializeOwned};

/// Reads the file that `POSTERN_CONFIG` names.
pub fn load<C: DeserializeOwned>() -> Result<C> {
    let path = env::var_os("POSTERN_CONFIG").map(PathBuf::from);
    let path = path.context("POSTERN_CONFIG is not set; it names the service's TOML file")?;
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

/// A service's own certificate, and the authority it shares with its callers and callees. PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, leaf first. The leaf's only URI name is `spiffe://<trust domain>/<service>`.
    pub certificate: PathBuf,
    /// The leaf's private key.
    pub key: PathBuf,
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The trust domain that peers must be of.
    #[serde(default = "default_trust_domain")]
    pub trust_domain: String,
}

fn default_trust_domain() -> String {
    "postern".to_owned()
}

/// What a service that users reach directly has in common with its like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeConfig {
    /// Address for gRPC and gRPC-web, in the clear: TLS ends at the ingress.
    pub listen: SocketAddr,
    /// Origins whose pages may call, exactly as a browser writes them: `https://app.example.com`.
    #[serde(default)]
    pub cors_origins: Vec<String>,
}

/// How to reach crypto-service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CryptoClientConfig {
    /// `https://host:port`.
    pub url: String,
    /// The caller's own certificate.
    pub tls: TlsFiles,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused() {
        let known = "listen = '127.0.0.1:1'\n";
        assert!(toml::from_str::<EdgeConfig>(known).is_ok());
        let error = toml::from_str::<EdgeConfig>(&format!("{known}cors_origin = []\n")).unwrap_err();
        assert!(error.to_string().contains("cors_origin"), "{error}");
    }
}
