//! Tenant databases of kind `postgres`: a driver for Postgres' own protocol.
//!
//! `wire` frames and bounds messages and signs in, `session` runs statements, `result` decodes rows.

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod result;
pub(crate) mod session;
pub(crate) mod statement;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod fake;
