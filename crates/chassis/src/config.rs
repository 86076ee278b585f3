//! Configuration: one TOML file. An unknown key stops the start.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use ipnet::IpNet;
use postern_domain::{PoolOptions, Pooling};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};

pub use crate::check::Check;
use crate::lifecycle::StopTimes;

/// The configuration of a service that [`run`](crate::run) runs.
pub trait ServiceConfig: DeserializeOwned {
    /// The part that every service has.
    fn ops(&self) -> &OpsConfig;

    /// Checks what can be checked without starting: files, certificates, and rules between keys.
    fn check(&self, check: &mut Check);
}

/// Reads a service's file.
pub fn load<C: DeserializeOwned>(path: &Path) -> Result<C> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

/// Why a configuration was rejected: where, and what is wrong there. Without the line itself: a password may have been
/// written where the name of its file belongs.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {key}{message}")]
pub struct Invalid {
    line: usize,
    /// The key and a colon, such as `edge.listen: `; empty where no key is at fault.
    key: String,
    message: String,
}

/// Reads a configuration.
pub fn parse<C: DeserializeOwned>(text: &str) -> Result<C, Invalid> {
    let document =
        toml::Deserializer::parse(text).map_err(|error| Invalid::new(text, &error, String::new()))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        // A path of one dot is that of the whole document.
        let key = Some(error.path().to_string()).filter(|key| key != ".");
        Invalid::new(text, error.inner(), key.map(|key| format!("{key}: ")).unwrap_or_default())
    })
}

impl Invalid {
    fn new(text: &str, error: &toml::de::Error, key: String) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let message = match error.message() {
            "invalid socket address syntax" => "expected IP:port, such as 0.0.0.0:8080",
            other => other,
        };
        Self { line: before.matches('\n').count() + 1, key, message: message.to_owned() }
    }
}

/// For a field that names the file of a secret: a URL in its place is refused, and not shown.
pub fn secret_file<'de, D: Deserializer<'de>>(value: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(value)?;
    if text.contains("://") {
        return Err(D::Error::custom("this is a URL; put it into a file, and name that file here"));
    }
    Ok(text.into())
}

/// [`secret_file`], for a field that may be left out.
pub fn optional_secret_file<'de, D: Deserializer<'de>>(value: D) -> Result<Option<PathBuf>, D::Error> {
    secret_file(value).map(Some)
}

/// How a service is operated.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpsConfig {
    /// Address for `/livez`, `/readyz` and `/metrics`, over plain HTTP. Nothing sensitive is answered, but only the pod
    /// network should reach it. Without it, there is no such listener.
    pub listen: Option<SocketAddr>,
    /// Seconds between SIGTERM, when the service says that it is not ready, and the moment when it takes no new calls.
    /// Too short: load balancers still send calls, which are refused. Too long: restarts take longer.
    pub lame_duck_seconds: u32,
    /// Seconds after that in which calls in progress may end by themselves. The remaining ones are ended, their
    /// statements on tenants' servers cancelled, which takes up to 7 s more. All of it must fit into what the process
    /// is given before it is killed: 30 s in Kubernetes by default (`terminationGracePeriodSeconds`).
    pub drain_seconds: u32,
}

impl Default for OpsConfig {
    fn default() -> Self {
        Self { listen: None, lame_duck_seconds: 5, drain_seconds: 15 }
    }
}

impl OpsConfig {
    /// How long the phases of a stop last.
    pub fn stop_times(&self) -> StopTimes {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        StopTimes { lame_duck: seconds(self.lame_duck_seconds), drain: seconds(self.drain_seconds) }
    }
}

/// A service's own certificate, and the authority it shares with its callers and callees. PEM files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate chain, leaf first. The leaf's only URI name is `spiffe://<trust domain>/<service>`, or, with a
    /// namespace, `spiffe://<trust domain>/ns/<namespace>/sa/<service>`.
    pub certificate: PathBuf,
    /// The leaf's private key.
    pub key: PathBuf,
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The trust domain that peers must be of: the host of the URI in their certificates.
    #[serde(default = "default_trust_domain", deserialize_with = "uri_segment")]
    pub trust_domain: String,
    /// For certificates that name Kubernetes service accounts, as those of cert-manager's csi-driver-spiffe and of
    /// Istio do: the namespace that peers must be of. Each account has the name of its service.
    #[serde(default, deserialize_with = "optional_uri_segment")]
    pub namespace: Option<String>,
}

fn default_trust_domain() -> String {
    "postern".to_owned()
}

/// With other characters, a name could be mistaken for one of another form.
fn uri_segment<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let text = String::deserialize(value)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err(D::Error::custom("must be one part of a URI: letters, digits, '.', '-' and '_'"));
    }
    Ok(text)
}

fn optional_uri_segment<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    uri_segment(value).map(Some)
}

/// The listener of a service that users reach directly.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeConfig {
    /// Address for gRPC and gRPC-web, in the clear: TLS ends at the ingress.
    pub listen: SocketAddr,
    /// Origins whose pages may call, exactly as a browser writes them: `https://app.example.com`.
    #[serde(default)]
    pub cors_origins: Vec<String>,
    /// Networks of the gateways in front of the service, whose `X-Forwarded-For` names the caller. Without them, all
    /// users behind a gateway share its address, and the bound on wrong signatures with it; a network that is not a
    /// gateway's lets its members claim any address.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
}

/// The part of a service's file that says whose tokens it accepts. Other keys are left to the service.
#[derive(Deserialize)]
pub struct Issuers {
    /// Issuers whose tokens are accepted.
    pub issuers: Vec<IssuerConfig>,
    /// Addresses from which key sets may be fetched.
    #[serde(default)]
    pub egress: Policy,
}

/// How to reach crypto-service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CryptoClientConfig {
    /// `https://host:port`, or several, separated by commas, where no DNS name resolves to all replicas. Every address
    /// that these hosts resolve to is taken for a replica. Calls go in turn to the replicas that are ready.
    pub url: String,
    /// The caller's own certificate.
    pub tls: TlsFiles,
}

/// How to reach the control database.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// A file with the `postgresql://` URL of the service's own role. A file, so that the password in it stays out of
    /// the configuration. Changes take effect when the service is restarted.
    #[serde(deserialize_with = "secret_file")]
    pub url_file: PathBuf,
    /// Connections that each replica of the service may hold. Too low: requests wait for each other while the database
    /// idles. Too high: all replicas together reach the server's own limit (`max_connections`, 100 on a Postgres with
    /// defaults), and new connections of every client are refused.
    #[serde(default = "default_connections", deserialize_with = "positive")]
    pub max_connections: u32,
    /// Seconds that a request waits for one of these connections before the user is told to try again. Too low: a short
    /// burst, or a failover of the database, fails requests that could have waited. Too high: during an outage requests
    /// pile up, each until its own deadline.
    #[serde(default = "default_acquire_timeout", deserialize_with = "positive")]
    pub acquire_timeout_seconds: u32,
    /// What is between this service and the server.
    #[serde(default)]
    pub pooling: Pooling,
}

impl DatabaseConfig {
    /// A configuration with the defaults.
    pub fn new(url_file: PathBuf) -> Self {
        let (max_connections, acquire_timeout_seconds) = (default_connections(), default_acquire_timeout());
        Self { url_file, max_connections, acquire_timeout_seconds, pooling: Pooling::None }
    }

    /// The URL in the file.
    pub fn read_url(&self) -> Result<String> {
        let url = fs::read_to_string(&self.url_file)
            .with_context(|| format!("cannot read {}", self.url_file.display()))?;
        Ok(url.trim().to_owned())
    }

    /// The bounds of the store's pool.
    pub fn pool_options(&self) -> PoolOptions {
        PoolOptions {
            max_connections: self.max_connections,
            acquire_timeout: Duration::from_secs(self.acquire_timeout_seconds.into()),
            pooling: self.pooling,
        }
    }
}

fn default_connections() -> u32 {
    16
}

fn default_acquire_timeout() -> u32 {
    5
}

fn positive<'de, D: Deserializer<'de>>(value: D) -> Result<u32, D::Error> {
    match u32::deserialize(value)? {
        0 => Err(D::Error::custom("must be at least 1")),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_wrong_is_named_and_not_shown() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Database {
            #[serde(deserialize_with = "secret_file")]
            url_file: PathBuf,
            #[serde(default, deserialize_with = "optional_secret_file")]
            other_file: Option<PathBuf>,
        }
        let fine = parse::<Database>("url_file = '/run/url'").unwrap();
        assert_eq!((fine.url_file, fine.other_file), ("/run/url".into(), None));
        for (line, text) in [
            (2, "url_file = '/run/url'\nurl = 'postgres://a:canary@b/c'"),
            (1, "url_file = 'postgres://a:canary@b/c'"),
            (3, "\nurl_file = '/run/url'\nother_file = 'postgres://a:canary@b/c'"),
            (1, "url_file = 'postgres://a:canary@b/c"),
        ] {
            let error = parse::<Database>(text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_database_has_documented_defaults_and_no_unknown_keys() {
        let default = parse::<DatabaseConfig>("url_file = '/run/url'").unwrap();
        let bounds = default.pool_options();
        assert_eq!((bounds.max_connections, bounds.acquire_timeout), (16, Duration::from_secs(5)));
        assert_eq!(default.pooling, Pooling::None);
        let text = "url_file = '/run/url'\nmax_connections = 40\nacquire_timeout_seconds = 2\npooling = 'transaction'";
        let set = parse::<DatabaseConfig>(text).unwrap();
        assert_eq!(set.pooling, Pooling::Transaction);
        assert_eq!((set.max_connections, set.pool_options().acquire_timeout), (40, Duration::from_secs(2)));
        for refused in [
            "",
            "url_file = 'postgres://a:canary@b/c'",
            "url_file = '/run/url'\nmax_connections = 0",
            "url_file = '/run/url'\nacquire_timeout_seconds = 0",
            "url_file = '/run/url'\npool_size = 3",
            "url_file = '/run/url'\npooling = 'session'",
        ] {
            let error = parse::<DatabaseConfig>(refused).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_form_is_told_with_its_key_and_the_right_form() {
        #[derive(Debug, Deserialize)]
        struct Service {
            #[allow(dead_code, reason = "only its errors matter")]
            edge: EdgeConfig,
        }
        let error = parse::<Service>("[edge]\nlisten = '8080'").unwrap_err().to_string();
        assert_eq!(error, "line 2: edge.listen: expected IP:port, such as 0.0.0.0:8080");
    }

    #[test]
    fn an_unreadable_url_file_is_named() {
        let error = DatabaseConfig::new("/no/such/database.url".into()).read_url().unwrap_err();
        assert!(format!("{error:#}").contains("/no/such/database.url"), "{error:#}");
    }

    #[test]
    fn a_trust_domain_and_a_namespace_are_single_parts_of_a_uri() {
        let files = "certificate = 'a'\nkey = 'b'\nca = 'c'\n";
        let plain = parse::<TlsFiles>(files).unwrap();
        assert_eq!((plain.trust_domain.as_str(), plain.namespace), ("postern", None));
        let text = format!("{files}trust_domain = 'example.org'\nnamespace = 'postern'");
        let cluster = parse::<TlsFiles>(&text).unwrap();
        assert_eq!(cluster.namespace.as_deref(), Some("postern"));
        for refused in
            ["trust_domain = ''", "trust_domain = 'a/ns/b/sa'", "namespace = ''", "namespace = '../b'"]
        {
            assert!(parse::<TlsFiles>(&format!("{files}{refused}")).is_err(), "{refused}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let known = "listen = '127.0.0.1:1'\n";
        assert!(toml::from_str::<EdgeConfig>(known).is_ok());
        let error = toml::from_str::<EdgeConfig>(&format!("{known}cors_origin = []\n")).unwrap_err();
        assert!(error.to_string().contains("cors_origin"), "{error}");
    }
}
