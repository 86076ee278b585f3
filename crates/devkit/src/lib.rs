//! What one machine needs to run Postern without an operator: a Postgres server, a certificate authority, an issuer
//! of tokens.
//!
//! For development and tests. No production service depends on this crate; a test over the workspace holds that.

pub mod ca;
pub mod issuer;
pub mod keeper;
pub mod postgres;
mod private_file;

pub use private_file::{load_or_create, random_hex, replace};
