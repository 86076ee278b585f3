//! The one way out: resolve, judge, pin, dial.
//!
//! Every connection that Postern opens to a host that a user or an issuer named goes through a
//! [`Dialer`]. It resolves the name once, refuses it when any answer is not a public address, connects
//! to exactly the addresses it judged, and hands back the name to verify in TLS. A [`JudgedAddr`] is the
//! only thing it connects to, and [`Policy::judge`] is the only way to get one.
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
pub mod policy;
pub mod resolve;
pub mod tls;

#[cfg(test)]
mod test_support;

pub use address::{AddressClass, JudgedAddr};
pub use dialer::{Dialed, Dialer};
pub use error::EgressError;
pub use http_url::HttpUrl;
pub use policy::Policy;
pub use resolve::{Resolve, SystemResolver};
