//! Plain types of Postern: ids, names, endpoints, secrets, limits. No I/O.
//!
//! Types here are parsed, not validated: a [`ConnectionName`] that exists is well formed, and a
//! [`Secret`] cannot be printed.

mod caller;
pub mod clock;
pub mod dsn;
pub mod endpoint;
pub mod ids;
pub mod limits;
pub mod name;
mod pooling;
mod port;
pub mod sealed;
pub mod secret;
pub mod supabase;

pub use caller::Caller;
pub use clock::{Clock, SystemClock};
pub use endpoint::{
    AccessMode, CaBundle, Endpoint, EndpointDigest, Host, PostgresEndpoint, TenantKind, TlsMode,
};
pub use ids::{ConnectionId, OwnerId, SecretId, Version};
pub use name::ConnectionName;
pub use sealed::{SealedSecret, SecretLabel, SecretName};
pub use secret::Secret;

#[cfg(test)]
#[path = "vectors_tests.rs"]
mod vectors_tests;

pub use pooling::{PoolOptions, PoolState, Pooling};
