//! Requests to a project behind TLS on this machine, which answers as it is told: well, and badly.

#![allow(clippy::unwrap_used, reason = "a test")]

mod answers;
mod connections;
mod requests;
mod support;
