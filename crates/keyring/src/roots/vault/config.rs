//! Configuration of a `vault-transit` root.

use std::{fmt, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::roots::Address;

/// A key of the Transit engine of `OpenBao` or Vault.
///
/// Its type must support associated data, which binds the id of the ring's key to the wrapped key; `aes256-gcm96` does.
/// The token needs `update` on `<mount>/encrypt/<key>` and `<mount>/decrypt/<key>`, but not `create`, and the policy
/// `default`, which lets it look itself up and renew itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultConfig {
    /// The server's address.
    pub address: Address,
    /// Where the engine is mounted.
    #[serde(default = "transit")]
    pub mount: VaultPath,
    /// The key's name.
    pub key: VaultPath,
    /// How to sign in.
    pub auth: VaultAuth,
    /// PEM file with the authority of the server's certificate; by default, the public authorities.
    pub ca: Option<PathBuf>,
    /// The namespace, if the server has several.
    pub namespace: Option<VaultPath>,
    /// How long to wait for the server at startup, in seconds.
    #[serde(default = "crate::roots::start_seconds")]
    pub start_seconds: u32,
}

/// How to sign in to the vault.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum VaultAuth {
    /// With the token in this file. It is renewed at half its lifetime. A new token in the file is used within seconds.
    TokenFile(PathBuf),
    /// With the pod's service account.
    Kubernetes {
        /// The vault's role for this account.
        role: String,
        /// File with the account's token.
        #[serde(default = "service_account")]
        jwt_path: PathBuf,
        /// Where the method is mounted.
        #[serde(default = "kubernetes")]
        mount: VaultPath,
    },
}

fn transit() -> VaultPath {
    VaultPath("transit".to_owned())
}

fn kubernetes() -> VaultPath {
    VaultPath("kubernetes".to_owned())
}

fn service_account() -> PathBuf {
    PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount/token")
}

/// A name within a vault: segments of letters, digits, `-`, `_` and `.`, separated by `/`. It cannot redirect a request
/// to another path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct VaultPath(String);

/// The text is not a name of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name in the vault has letters, digits, '-', '_' and '.', with '/' between its parts")]
pub struct InvalidPath;

impl VaultPath {
    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let plain = |segment: &str| {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            segment.bytes().all(word) && !["", ".", ".."].contains(&segment)
        };
        if text.split('/').all(plain) { Ok(Self(text.to_owned())) } else { Err(InvalidPath) }
    }
}

impl TryFrom<String> for VaultPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl fmt::Display for VaultPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        for fine in ["transit", "team-a/transit_2", "v1.key"] {
            assert_eq!(VaultPath::parse(fine).unwrap().to_string(), fine);
        }
        for refused in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "../sys",
            "a/../../sys/raw",
            ".",
            "a?b",
            "a#b",
            "a%2e",
            "ä",
            "a b",
            "a\r\nb",
        ] {
            assert_eq!(VaultPath::parse(refused), Err(InvalidPath), "{refused}");
        }
    }
}
