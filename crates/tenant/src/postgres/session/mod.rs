//! One connection to a tenant's server: statements in, rows out.

pub(crate) mod cache;
pub(crate) mod cancel;
pub(crate) mod connect;
pub(crate) mod connection;
pub(crate) mod dirt;
pub(crate) mod names;
pub(crate) mod pipeline;
mod recovery;
pub(crate) mod rows;
mod tokens;
