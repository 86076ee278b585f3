//! The operator's policy for outgoing connections.

use ipnet::IpNet;
use postern_domain::Host;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{EgressError, OwnAddresses};

/// The hosts, addresses and ports that may be connected to. By default, only public addresses, on the ports of
/// Postgres, its poolers and HTTPS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether 127.0.0.0/8, `::1` and `localhost` may be dialled. For development.
    pub allow_loopback: bool,
    /// Private networks that may be dialled, such as `10.1.0.0/16`. Their names need `allow_names` too if they are
    /// internal ones.
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<IpNet>,
    /// Networks that are never dialled, even if they are in `allow`, for example the cluster's own.
    #[schemars(with = "Vec<String>")]
    pub deny: Vec<IpNet>,
    /// Ports that may be dialled. If empty, 5432, 6543 and 443: those of Postgres, its poolers and HTTPS.
    pub ports: Vec<u16>,
    /// Whether every port may be dialled. For development.
    pub any_port: bool,
    /// Name suffixes that are not allowed, in addition to `svc`, `cluster.local`, `internal`, `localhost` and names of
    /// a single label. Matched by whole labels.
    pub deny_names: Vec<String>,
    /// Name suffixes that are exempt from the rules on names. Their addresses are still checked.
    pub allow_names: Vec<String>,
    /// Whether tenants' hosts may lead to the machines that Postern itself depends on: the control database's and
    /// crypto-service's, at any port. Needed where tenants' databases share a machine or a pooler with the control
    /// database; then only its passwords keep tenants out. Has no effect for key sets.
    pub allow_own_addresses: bool,
    /// Addresses of Postern itself.
    #[serde(skip)]
    pub own: OwnAddresses,
}

/// Postgres, the transaction-mode poolers of Supabase and others, HTTPS.
const DEFAULT_PORTS: &[u16] = &[5432, 6543, 443];

/// Names that are only valid inside a cluster, a cloud or a machine.
const INTERNAL_NAMES: &[&str] = &["svc", "cluster.local", "internal", "localhost"];

impl Policy {
    /// A policy for development on one machine, where everything is at the same address: loopback, Postern's own
    /// addresses and every port are allowed.
    pub fn development() -> Self {
        Self { allow_loopback: true, allow_own_addresses: true, any_port: true, ..Self::default() }
    }

    /// Checks what can be checked before a name is resolved: the port, the name, a literal address.
    pub fn admit(&self, host: &Host, port: u16) -> Result<(), EgressError> {
        self.admit_port(port)?;
        match host {
            Host::Ip(ip) => self.judge(*ip, port).map(drop).map_err(EgressError::AddressRefused),
            Host::Name(name) if self.refuses_name(name) => Err(EgressError::NameRefused),
            Host::Name(_) => Ok(()),
        }
    }

    fn admit_port(&self, port: u16) -> Result<(), EgressError> {
        let ports = if self.ports.is_empty() { DEFAULT_PORTS } else { &self.ports };
        if port != 0 && (self.any_port || ports.contains(&port)) {
            return Ok(());
        }
        let allowed = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        Err(EgressError::PortRefused { port, allowed })
    }

    fn refuses_name(&self, name: &str) -> bool {
        let local = is_under(name, "localhost");
        if (local && self.allow_loopback) || self.allow_names.iter().any(|s| is_under(name, s)) {
            return false;
        }
        let denied = INTERNAL_NAMES.iter().copied().chain(self.deny_names.iter().map(String::as_str));
        !name.contains('.') || denied.into_iter().any(|suffix| is_under(name, suffix))
    }
}

/// Whether `name` is `suffix` or ends with its labels. Suffixes may be written `corp`, `.corp` or `CORP.`.
fn is_under(name: &str, suffix: &str) -> bool {
    let suffix = suffix.trim_matches('.');
    let Some(at) = name.len().checked_sub(suffix.len()) else { return false };
    // If the name is not ASCII, the cut may fall inside a character; `get` then returns `None`.
    let same = name.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(suffix));
    !suffix.is_empty() && same && (at == 0 || name.as_bytes()[at - 1] == b'.')
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
