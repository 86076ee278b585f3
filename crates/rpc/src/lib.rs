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

/// The generated code, in modules that are nested as the packages are: that is how one package refers to another.
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
