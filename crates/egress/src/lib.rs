//! The only way to connect to a host: resolve, check, pin, connect.
//!
//! Every connection to a host that a user or an issuer named is made by a [`Dialer`]. It resolves the name once,
//! refuses it if any address is not public, connects to exactly the addresses it checked, and returns the name that TLS
//! must verify. It connects only to a [`JudgedAddr`], and only [`Policy::judge`] makes one.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use postern_domain::Host;
//! # use postern_egress::{Dialer, Policy, SystemResolver, tls};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let dialer = Dialer::new(Policy::default(), Arc::new(SystemResolver::default()));
//! let dialed = dialer.dial(&Host::parse("db.example.com")?, 5432).await?;
//! let stream = tls::connect_tls(dialed.stream, tls::client_config(None)?, &dialed.host).await?;
//! # Ok(()) }
//! ```

pub mod address;
pub mod dialer;
pub mod error;
pub mod http;
pub mod http_url;
pub mod own;
pub mod policy;
pub mod resolve;
pub mod tls;

#[cfg(test)]
mod test_support;

pub use address::{AddressClass, JudgedAddr};
pub use dialer::{Dialed, Dialer};
pub use error::EgressError;
pub use http_url::HttpUrl;
pub use own::OwnAddresses;
pub use policy::Policy;
pub use resolve::{Resolve, SystemResolver};
