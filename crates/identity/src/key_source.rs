//! Where a key set is fetched from.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use postern_egress::{
    HttpUrl,
    http::{HttpClient, HttpError},
    tls::TlsError,
};
use serde::Deserialize;

use crate::key_set::KeySet;

/// What a [`FetchKeys`] gives back.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Bytes, HttpError>> + Send + 'a>>;

/// A source of key sets and discovery documents.
pub trait FetchKeys: Send + Sync + 'static {
    /// Fetches a document of an issuer, within bounds of its own.
    fn fetch<'a>(&'a self, issuer: &str, url: &'a HttpUrl) -> Fetching<'a>;
}

/// Bounds of one fetch.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const FETCH_DEADLINE: Duration = Duration::from_secs(5);

impl FetchKeys for HttpClient {
    fn fetch<'a>(&'a self, _issuer: &str, url: &'a HttpUrl) -> Fetching<'a> {
        Box::pin(self.get(url, MAX_DOCUMENT_BYTES, FETCH_DEADLINE))
    }
}

impl<F: FetchKeys + ?Sized> FetchKeys for Arc<F> {
    fn fetch<'a>(&'a self, issuer: &str, url: &'a HttpUrl) -> Fetching<'a> {
        (**self).fetch(issuer, url)
    }
}

/// Where an issuer's key set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// Behind a URL of the configuration.
    Url(HttpUrl),
    /// Behind the URL that the issuer's discovery document names.
    Discovery {
        /// The document's URL.
        document: HttpUrl,
    },
}

/// Why there is no key set. For the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("{url}: {}", for_operator(error))]
    Fetch { url: HttpUrl, error: HttpError },
    #[error("{0} is not a JWK set")]
    NoKeySet(HttpUrl),
    #[error("{0} is not an OpenID configuration")]
    NoDiscovery(HttpUrl),
    #[error("{0} is the OpenID configuration of another issuer; the names must match to the letter")]
    OtherIssuer(HttpUrl),
    #[error("{0} names a jwks_uri that is not an https URL")]
    KeySetUrl(HttpUrl),
}

impl KeySource {
    /// The source of an issuer by `OpenID` Connect Discovery 1.0. Nothing if its name is no URL.
    pub(crate) fn discovery(issuer: &str) -> Option<Self> {
        Some(Self::Discovery { document: discovery_url(issuer)? })
    }

    /// Fetches the key set. The second value is the set's document, to tell whether it has changed.
    pub(crate) async fn load(
        &self,
        fetcher: &dyn FetchKeys,
        issuer: &str,
    ) -> Result<(KeySet, Bytes), SourceError> {
        let url = match self {
            Self::Url(url) => url.clone(),
            Self::Discovery { document } => discover(fetcher, issuer, document).await?,
        };
        let document = fetch(fetcher, issuer, &url).await?;
        let keys = KeySet::parse(&document).map_err(|_| SourceError::NoKeySet(url))?;
        Ok((keys, document))
    }
}

/// Where an issuer's discovery document is (`OpenID` Connect Discovery 1.0, section 4).
pub(crate) fn discovery_url(issuer: &str) -> Option<HttpUrl> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let url = HttpUrl::parse(&format!("{base}/.well-known/openid-configuration")).ok()?;
    (!issuer.contains(['?', '#'])).then_some(url)
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// The URL of the key set, read anew each time: an issuer may move it.
async fn discover(fetcher: &dyn FetchKeys, issuer: &str, document: &HttpUrl) -> Result<HttpUrl, SourceError> {
    let bytes = fetch(fetcher, issuer, document).await?;
    let found: Discovery =
        serde_json::from_slice(&bytes).map_err(|_| SourceError::NoDiscovery(document.clone()))?;
    if found.issuer != issuer {
        return Err(SourceError::OtherIssuer(document.clone()));
    }
    // An issuer that is reached over TLS must not move its keys to where they can be replaced on the way.
    let url = HttpUrl::parse(&found.jwks_uri).ok().filter(|url| url.is_https() || !document.is_https());
    url.ok_or_else(|| SourceError::KeySetUrl(document.clone()))
}

async fn fetch(fetcher: &dyn FetchKeys, issuer: &str, url: &HttpUrl) -> Result<Bytes, SourceError> {
    fetcher.fetch(issuer, url).await.map_err(|error| SourceError::Fetch { url: url.clone(), error })
}

/// The error with what an operator can do. Its own text is for users who enter the host of a tenant.
fn for_operator(error: &HttpError) -> String {
    match error {
        HttpError::Egress(error) => error.for_operator(),
        HttpError::Tls(TlsError::UnknownIssuer | TlsError::CaInvalid) => {
            "the server's certificate is signed by an unknown authority; name its CA file in the issuer's `ca`"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use postern_egress::EgressError;
    use serde_json::{Value, json};

    use super::*;
    use crate::test_support::{ES, jwks};

    const ISSUER: &str = "https://auth.example.com/realms/a";

    /// Answers every discovery document with this one, and every other URL with a key set. Notes what was asked for.
    struct Answers {
        discovery: Value,
        asked: Mutex<Vec<String>>,
    }

    impl FetchKeys for Answers {
        fn fetch<'a>(&'a self, _issuer: &str, url: &'a HttpUrl) -> Fetching<'a> {
            self.asked.lock().unwrap().push(url.to_string());
            let is_discovery = url.path_and_query().ends_with("/.well-known/openid-configuration");
            let body = if is_discovery { self.discovery.to_string().into() } else { jwks(&[ES.jwk()]) };
            Box::pin(std::future::ready(Ok(body)))
        }
    }

    async fn load(issuer: &str, discovery: Value) -> (Result<KeySet, SourceError>, Vec<String>) {
        let answers = Answers { discovery, asked: Mutex::default() };
        let loaded = KeySource::discovery(issuer).unwrap().load(&answers, issuer).await;
        (loaded.map(|(keys, _)| keys), answers.asked.into_inner().unwrap())
    }

    #[tokio::test]
    async fn the_key_set_is_where_the_discovery_document_says() {
        let (keys, asked) =
            load(ISSUER, json!({"issuer": ISSUER, "jwks_uri": "https://keys.example.com/k"})).await;
        assert!(keys.unwrap().find(Some("es")).is_some());
        assert_eq!(
            asked,
            [&format!("{ISSUER}/.well-known/openid-configuration"), "https://keys.example.com/k"]
        );
    }

    #[tokio::test]
    async fn an_issuer_that_ends_in_a_slash_keeps_it_in_its_name_only() {
        let issuer = format!("{ISSUER}/");
        let (keys, asked) =
            load(&issuer, json!({"issuer": issuer, "jwks_uri": "https://k.example.com/"})).await;
        assert!(keys.is_ok());
        assert_eq!(asked[0], format!("{ISSUER}/.well-known/openid-configuration"));
    }

    #[tokio::test]
    async fn a_discovery_document_that_cannot_be_trusted_leads_nowhere() {
        let wrong = [
            json!({"issuer": "https://evil.example.com", "jwks_uri": "https://k.example.com/"}),
            json!({"issuer": format!("{ISSUER}/"), "jwks_uri": "https://k.example.com/"}),
            json!({"jwks_uri": "https://k.example.com/"}),
            json!({"issuer": ISSUER}),
            json!({"issuer": ISSUER, "jwks_uri": "http://k.example.com/"}),
            json!({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}),
            json!({"issuer": ISSUER, "jwks_uri": "/keys"}),
            json!([]),
        ];
        for discovery in wrong {
            let (keys, asked) = load(ISSUER, discovery.clone()).await;
            assert!(keys.is_err() && asked.len() == 1, "{discovery}");
        }
    }

    #[test]
    fn an_issuer_that_is_no_url_has_no_discovery_document() {
        for issuer in
            ["accounts", "", "https://a.example.com?tenant=1", "https://a.example.com/#f", "ftp://a"]
        {
            assert_eq!(KeySource::discovery(issuer), None, "{issuer}");
        }
    }

    #[test]
    fn a_failed_fetch_tells_the_operator_which_setting_to_change() {
        let port = EgressError::PortRefused { port: 8443, allowed: "443".to_owned() };
        assert!(for_operator(&port.into()).contains("ports in [egress]"));
        assert!(for_operator(&EgressError::NameRefused.into()).contains("allow_names in [egress]"));
        let unknown = for_operator(&TlsError::UnknownIssuer.into());
        assert!(unknown.contains("`ca`") && !unknown.contains("upload"), "{unknown}");
    }
}
