//! Mutual TLS between services, with a SPIFFE name for each.

mod certificate;
mod client;
mod coalesce;
mod expiry;
mod files;
mod identity;
mod inspect;
mod refusal;
mod replicas;
mod server;
mod server_name;
mod verifier;

#[cfg(test)]
pub(crate) mod test_support;

pub(crate) use client::check_url;
pub use client::{crypto_channel, crypto_hosts, operator_channel, watch_crypto};
pub(crate) use expiry::expires_at;
pub use expiry::watch_certificate;
pub use identity::PeerIdentity;
pub use inspect::{Inspected, inspect};
pub use replicas::CryptoChannel;
pub(crate) use server::incoming;
pub use server::{PeerStream, ServerTls};

use std::time::Duration;

/// Time that a peer has for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
