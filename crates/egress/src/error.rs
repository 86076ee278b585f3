//! Why a dial failed, in words for the person who typed the host.

use crate::AddressClass;

/// Why a host was not dialled. The messages are safe to show: none holds an address or a system error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// An answer of the resolver, or the literal address, is not one that may be dialled.
    #[error("this host leads to {0}, which may not be dialled; use a host with a public address")]
    AddressRefused(AddressClass),
    /// The name only means something inside a cluster or a machine.
    #[error("this host's name belongs to an internal network and may not be dialled; use a public DNS name")]
    NameRefused,
    /// The port is not on the allow-list.
    #[error("port {port} may not be dialled; use one of {allowed}")]
    PortRefused {
        /// The port asked for.
        port: u16,
        /// The ports allowed, separated by commas.
        allowed: String,
    },
    /// The resolver knows no address for the name.
    #[error(
        "this host's name has no address; check its spelling, and that the server or project still exists"
    )]
    NameNotFound,
    /// The host has only IPv6 addresses, and none can be reached from here.
    #[error(
        "this host has only IPv6, which cannot be reached from here; use a host with IPv4, such as the pooler's"
    )]
    Ipv6Only,
    /// Nothing listens on the port, or a firewall says so.
    #[error(
        "this host refused the connection; check the port, and that the server is running and lets us in"
    )]
    ConnectionRefused,
    /// No way to the host.
    #[error("this host cannot be reached; check that the server is running and open to the internet")]
    Unreachable,
    /// Resolving and connecting took longer than the budget.
    #[error("this host did not answer in time; check the host, the port, and the server's firewall")]
    Timeout,
    /// This process, or this machine, has no file descriptor or socket buffer left. It says nothing about the host.
    #[error("Postern has no file descriptors left for another connection; try again in a moment")]
    OutOfDescriptors,
    /// The connection ended at another address than the one judged.
    #[error("the connection did not end at the address that was checked; try again")]
    PeerMismatch,
}

impl EgressError {
    /// A stable word for programs, metrics and tests.
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

    /// Whether the policy refused, so that trying again is of no use.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::AddressRefused(_) | Self::NameRefused | Self::PortRefused { .. })
    }
}
