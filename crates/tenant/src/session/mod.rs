//! One connection to a tenant's server: statements in, rows out.

pub(crate) mod cache;
pub(crate) mod cancel;
pub(crate) mod connect;
pub(crate) mod connection;
pub(crate) mod flight;
pub(crate) mod names;
mod recovery;
pub(crate) mod residue;
pub(crate) mod rows;
mod tokens;
