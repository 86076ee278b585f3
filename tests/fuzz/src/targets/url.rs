//! A URL that is accepted means one host for everyone, and can be asked for.

use http::{HeaderValue, Uri, uri::PathAndQuery};
use postern_domain::Host;
use postern_egress::HttpUrl;

use crate::Verdict;

/// Reads, and looks at what came of it.
pub fn check(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let parsed = HttpUrl::parse(text);
    if let Ok(url) = &parsed {
        assert_eq!(HttpUrl::parse(&url.to_string()).as_ref(), Ok(url), "{text:?}");
        assert_ne!(url.port(), 0);
        assert!(url.path_and_query().starts_with('/') && !url.path_and_query().contains(['#', ' ']), "{text:?}");
        assert!(HeaderValue::from_str(&url.authority()).is_ok(), "{text:?}");
        assert!(url.path_and_query().parse::<PathAndQuery>().is_ok(), "{text:?} cannot be asked for");
        is_the_same_to_others(text, url);
    }
    Verdict::of(&parsed)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "https://Auth.Example.com/realms/a/jwks?x=1", "http://[::1]:8080", "http://2130706433/", "http://0x7f.1/", "https://a@b/",
        "https://example.com:0/", "https://example.com\\@evil.com/", "https:///a@b/", "https://example.com/%2e%2e/\"<>`{}|^",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Where another parser, of the crate `http`, understands the text, it names the same host.
fn is_the_same_to_others(text: &str, url: &HttpUrl) {
    let Ok(uri) = text.parse::<Uri>() else { return };
    let Some(host) = uri.host() else { return };
    // It knows no percent-encoding in hosts, and no addresses other than those of four numbers.
    if let (Ok(Host::Name(host)), Host::Name(ours)) = (Host::parse(host), url.host()) {
        assert_eq!(&host, ours, "{text:?}");
    }
    assert!(uri.authority().is_none_or(|authority| !authority.as_str().contains('@')), "{text:?}");
}
