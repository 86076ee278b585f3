//! A Postgres server, a certificate authority and an issuer of tokens, for development and tests on one machine.
//!
//! No production service depends on this crate, which a test enforces.

pub mod ca;
pub mod issuer;
pub mod keeper;
pub mod port;
pub mod postgres;
mod private_file;

pub use private_file::{load_or_create, random_hex, replace};
