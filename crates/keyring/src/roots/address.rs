//! The address of a remote root.

use std::fmt;

use postern_domain::Host;
use postern_egress::HttpUrl;
use schemars::JsonSchema;
use serde::Deserialize;

/// `https://host[:port]`; plain `http` only for this machine. It is configured by an operator, so private addresses are
/// allowed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Address(String);

/// The text is not an address of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address is https://host[:port] without a path; http:// is only for 127.0.0.1, [::1] and localhost"
)]
pub struct InvalidAddress;

impl Address {
    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let url = HttpUrl::parse(text).map_err(|_| InvalidAddress)?;
        let safe = url.is_https() || is_this_machine(url.host());
        let bare = url.path_and_query() == "/";
        let scheme = if url.is_https() { "https" } else { "http" };
        if safe && bare { Ok(Self(format!("{scheme}://{}", url.authority()))) } else { Err(InvalidAddress) }
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Ip(ip) => ip.is_loopback(),
        Host::Name(name) => name == "localhost",
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        Self::parse(&text)
    }
}

/// Without a trailing slash.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_only_for_this_machine() {
        for fine in [
            "https://bao.internal:8200",
            "https://10.0.0.1/",
            "http://127.0.0.1:8200",
            "http://localhost:1",
            "http://[::1]:8200",
        ] {
            assert!(Address::parse(fine).is_ok(), "{fine}");
        }
        for refused in [
            "http://bao.internal:8200",
            "http://10.0.0.1",
            "https://bao/v1",
            "https://u:p@bao",
            "bao:8200",
            "ftp://bao",
        ] {
            assert_eq!(Address::parse(refused), Err(InvalidAddress), "{refused}");
        }
    }

    #[test]
    fn it_is_shown_without_a_trailing_slash() {
        assert_eq!(
            Address::parse("https://Bao.internal:8200/").unwrap().to_string(),
            "https://bao.internal:8200"
        );
    }
}
