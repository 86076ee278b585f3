//! Generated code of the protos, and the one mapping from errors to statuses.
//!
//! * [`crypto`], [`connection`] and [`proxy`] hold the messages, clients and servers of `proto/`. They are
//!   committed; `cargo xtask gen` writes them again and a test fails while they differ.
//! * [`Problem`] is the only way in which a service of ours answers with an error.
//! * [`access`] says who may call which RPC.

pub mod access;
pub mod codec;
mod problem;
mod redacted;

pub use problem::{DOMAIN, Problem, Reason, cause_of, describe};

/// Everything that reflection serves, as an encoded `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

macro_rules! generated {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        #[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]
        pub mod $name {
            include!(concat!("generated/", $file));
        }
    };
}

generated! {
    /// `postern.crypto.v1`: sealing and opening, inside the cluster only.
    crypto, "postern.crypto.v1.rs"
}
generated! {
    /// `postern.connection.v1`: a user's saved connections.
    connection, "postern.connection.v1.rs"
}
generated! {
    /// `postern.proxy.v1`: queries against the caller's own databases.
    proxy, "postern.proxy.v1.rs"
}
