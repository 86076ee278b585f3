//! URLs that an operator configures. They never come from a token or a response.

use std::{fmt, str::FromStr};

use postern_domain::Host;
use serde::Deserialize;
use url::Url;

/// An `https` or `http` URL without user information or fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct HttpUrl {
    https: bool,
    host: Host,
    port: u16,
    path_and_query: String,
}

/// The text is not a URL of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a URL is https://host[:port]/path without user, password or fragment")]
pub struct InvalidUrl;

impl HttpUrl {
    /// Parses text of visible ASCII without backslashes, which URL parsers read in different ways.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(InvalidUrl);
        }
        let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(InvalidUrl),
        };
        // Checked here, because `Url` drops an empty user and skips extra slashes.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.contains('@') || rest.contains('#') {
            return Err(InvalidUrl);
        }
        let url = Url::parse(text).map_err(|_| InvalidUrl)?;
        let host = Host::parse(url.host_str().ok_or(InvalidUrl)?).map_err(|_| InvalidUrl)?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(InvalidUrl)?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self { https, host, port, path_and_query: format!("{}{query}", url.path()) })
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host, not yet checked.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port; 443 or 80 if the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as in a request line.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Host and port, as in a `Host` header.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
            host => host.to_string(),
        };
        let default = if self.https { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path_and_query)
    }
}

impl FromStr for HttpUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse(text)
    }
}

impl TryFrom<String> for HttpUrl {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        let url = HttpUrl::parse("https://Auth.Example.com/realms/a/jwks?x=1").unwrap();
        assert!(url.is_https());
        assert_eq!((url.host().to_string().as_str(), url.port()), ("auth.example.com", 443));
        assert_eq!(
            (url.path_and_query(), url.authority()),
            ("/realms/a/jwks?x=1", "auth.example.com".into())
        );
        let local = HttpUrl::parse("http://[::1]:8080").unwrap();
        assert_eq!((local.authority(), local.path_and_query()), ("[::1]:8080".into(), "/"));
    }

    #[test]
    fn a_host_that_spells_an_address_is_that_address() {
        for text in ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/"] {
            assert_eq!(HttpUrl::parse(text).unwrap().host(), &Host::parse("127.0.0.1").unwrap(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let refused = [
            "",
            "example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "https://a@example.com/",
            "https://@example.com/",
            "https://u:p@example.com/",
            "https://example.com/#f",
            "https://example.com:0/",
            "https://example.com\\@evil.com/",
            "https://evil.com\\.example.com/",
            "https://exa mple.com/",
            "https://ex\nample.com/",
            "https:///a@b/",
        ];
        for text in refused {
            assert_eq!(HttpUrl::parse(text), Err(InvalidUrl), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(text in "https?://[a-z0-9.:\\[\\]@-]{1,20}[a-z/?&=%.]{0,20}") {
            if let Ok(url) = HttpUrl::parse(&text) {
                prop_assert_eq!(HttpUrl::parse(&url.to_string()).unwrap(), url);
            }
        }
    }
}
