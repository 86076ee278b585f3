//! Plain types of Postern: ids, names, endpoints, secrets, limits. No I/O.
//!
//! Types here are parsed, not validated: a [`ConnectionName`] that exists is well formed, and a
//! [`Secret`] cannot be printed.

pub mod clock;
pub mod dsn;
pub mod endpoint;
pub mod ids;
pub mod limits;
pub mod name;
pub mod sealed;
pub mod secret;

pub use clock::{Clock, SystemClock};
pub use endpoint::{
    AccessMode, CaBundle, Endpoint, EndpointDigest, Host, PostgresEndpoint, TenantKind, TlsMode,
};
pub use ids::{ConnectionId, OwnerId, SecretId, Version};
pub use name::ConnectionName;
pub use sealed::{SealedSecret, SecretName, SecretRule};
pub use secret::Secret;
