//! Names of replicas.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of one crypto-service process: up to 253 ASCII letters, digits, `.`, `_` and `-`, not starting with a dot. It
/// is a host name by default, and part of a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ReplicaName(String);

/// The text is not a replica name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a replica's name has 1 to 253 letters, digits, '.', '_' and '-', and does not start with a dot; set keyring.replica"
)]
pub struct InvalidReplicaName;

impl ReplicaName {
    /// The host's name; in Kubernetes that is the pod's.
    pub fn of_this_host() -> Result<Self, InvalidReplicaName> {
        let system = rustix::system::uname();
        system.nodename().to_str().map_err(|_| InvalidReplicaName)?.to_owned().try_into()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReplicaName {
    type Error = InvalidReplicaName;

    fn try_from(name: String) -> Result<Self, InvalidReplicaName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=253).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain);
        if fits { Ok(Self(name)) } else { Err(InvalidReplicaName) }
    }
}

impl From<ReplicaName> for String {
    fn from(name: ReplicaName) -> Self {
        name.0
    }
}

impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_file_name() {
        for name in ["crypto-service-7d4f-x2", "a", "host.example.com", "A_1", &"x".repeat(253)] {
            assert!(ReplicaName::try_from(name.to_owned()).is_ok(), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "a/b", "../a", "a b", "ä", "a\0", &"x".repeat(254)] {
            assert!(ReplicaName::try_from(name.to_owned()).is_err(), "{name}");
        }
    }
}
