//! Tenant databases of kind `postgres`: a driver for Postgres' own protocol.
//!
//! `wire` signs in, frames messages and bounds them; `session` runs statements; `result` decodes rows.

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod result;
pub(crate) mod session;
pub(crate) mod statement;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod fake;
