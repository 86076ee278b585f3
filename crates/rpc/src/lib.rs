//! Code generated from the protos, and the mapping from errors to statuses.
//!
//! * [`crypto`], [`connection`] and [`proxy`] hold the messages, clients and servers of `proto/`. They are
//!   committed. `cargo xtask gen` regenerates them, and a test fails if they are out of date.
//! * [`Problem`] is the only way for a service to return an error.
//! * [`access`] says who may call which RPC.

pub mod access;
pub mod codec;
mod problem;
mod redacted;

pub use problem::{DOMAIN, Problem, Reason, cause_of, describe, with_sources};

/// The descriptors for reflection, as an encoded `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

/// The generated code. Its modules are nested like the packages, because generated code refers to other packages by
/// path.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]
mod postern {
    pub mod connection {
        pub mod v1 {
            include!("generated/postern.connection.v1.rs");
        }
    }
    pub mod crypto {
        pub mod v1 {
            include!("generated/postern.crypto.v1.rs");
        }
    }
    pub mod proxy {
        pub mod v1 {
            include!("generated/postern.proxy.v1.rs");
        }
    }
}

/// `postern.crypto.v1`: sealing and opening, inside the cluster only.
pub use postern::crypto::v1 as crypto;

/// `postern.connection.v1`: a user's saved connections.
pub use postern::connection::v1 as connection;

/// `postern.proxy.v1`: queries against the caller's own databases.
pub use postern::proxy::v1 as proxy;
