//! Identifiers. All are UUIDs; the types keep them apart.

use std::fmt;

use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id! {
    /// The user whom rows belong to. Derived from a verified token, never taken from a request.
    OwnerId
}
uuid_id! {
    /// A saved connection. Minted by the server, never shown to a client.
    ConnectionId
}
uuid_id! {
    /// One sealing of a secret. Minted anew each time a secret is sealed.
    SecretId
}

/// Version of a saved connection: 1 when created, one more with every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub i64);
