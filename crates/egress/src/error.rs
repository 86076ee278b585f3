//! Why a connection failed, with messages for the user who entered the host.

use crate::AddressClass;

/// Why a connection was not made. The messages are safe to show: they contain no address and no system error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// An address of the host is not allowed.
    #[error("this host resolves to {0}, which is not allowed; {advice}", advice = .0.advice())]
    AddressRefused(AddressClass),
    /// The name is only valid inside a cluster or a machine.
    #[error("this host name belongs to an internal network, which is not allowed; use a public DNS name")]
    NameRefused,
    /// The port is not on the allow-list.
    #[error("port {port} is not allowed; use one of {allowed}")]
    PortRefused {
        /// The requested port.
        port: u16,
        /// The allowed ports, separated by commas.
        allowed: String,
    },
    /// The name has no address.
    #[error(
        "this host name does not resolve; check its spelling, and that the server or project still exists"
    )]
    NameNotFound,
    /// The host has only IPv6 addresses, and none can be reached from here.
    #[error(
        "this host has only IPv6, which cannot be reached from here; use a host with IPv4, such as the pooler's"
    )]
    Ipv6Only,
    /// Nothing listens on the port, or a firewall rejects connections.
    #[error(
        "this host refused the connection; check the port, and that the server is running and allows Postern to connect"
    )]
    ConnectionRefused,
    /// The host is unreachable.
    #[error("this host cannot be reached; check that the server is running and open to the internet")]
    Unreachable,
    /// Resolving and connecting took longer than the budget.
    #[error("this host did not answer in time; check the host, the port, and the server's firewall")]
    Timeout,
    /// This process or machine has run out of file descriptors or socket buffers. Not the host's fault.
    #[error("Postern has no file descriptors left for another connection; try again in a moment")]
    OutOfDescriptors,
    /// The connection leads to another address than the checked one.
    #[error("the connection does not lead to the address that was checked; try again")]
    PeerMismatch,
}

impl EgressError {
    /// A stable identifier for programs, metrics and tests.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AddressRefused(_) => "ADDRESS_REFUSED",
            Self::NameRefused => "NAME_REFUSED",
            Self::PortRefused { .. } => "PORT_REFUSED",
            Self::NameNotFound => "NAME_NOT_FOUND",
            Self::Ipv6Only => "IPV6_ONLY",
            Self::ConnectionRefused => "CONNECTION_REFUSED",
            Self::Unreachable => "UNREACHABLE",
            Self::Timeout => "TIMEOUT",
            Self::OutOfDescriptors => "OUT_OF_DESCRIPTORS",
            Self::PeerMismatch => "PEER_MISMATCH",
        }
    }

    /// The message for an operator whose own host this is, such as an issuer's: which setting allows it.
    pub fn for_operator(&self) -> String {
        match self {
            Self::PortRefused { port, allowed } => {
                format!("port {port} is not allowed; add it to ports in [egress], which now allows {allowed}")
            }
            Self::NameRefused => {
                "this host name belongs to an internal network; add it to allow_names in [egress]".to_owned()
            }
            Self::AddressRefused(AddressClass::Denied) => {
                "this host resolves to an address in a network that deny in [egress] names".to_owned()
            }
            Self::AddressRefused(class) => {
                format!("this host resolves to {class}; add its network to allow in [egress]")
            }
            Self::Ipv6Only => "this host has only IPv6, which cannot be reached from here".to_owned(),
            Self::NameNotFound => "this host name does not resolve; check its spelling".to_owned(),
            Self::Unreachable => {
                "this host cannot be reached; check the network and its firewalls".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// Whether the policy refused the host, so that trying again is pointless.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::AddressRefused(_) | Self::NameRefused | Self::PortRefused { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_told_the_setting_and_not_what_a_user_could_do() {
        for (error, text) in [
            (
                EgressError::PortRefused { port: 8443, allowed: "5432, 443".to_owned() },
                "port 8443 is not allowed; add it to ports in [egress], which now allows 5432, 443",
            ),
            (
                EgressError::NameRefused,
                "this host name belongs to an internal network; add it to allow_names in [egress]",
            ),
            (
                EgressError::AddressRefused(AddressClass::Private),
                "this host resolves to a private network; add its network to allow in [egress]",
            ),
            (
                EgressError::AddressRefused(AddressClass::Denied),
                "this host resolves to an address in a network that deny in [egress] names",
            ),
        ] {
            assert_eq!(error.for_operator(), text);
        }
    }
}
