//! The driver and its pools against a real Postgres.

#![allow(clippy::unwrap_used, reason = "clippy knows functions of tests, and not the helpers between them")]

mod results;
mod sessions;
mod support;
mod tls;
