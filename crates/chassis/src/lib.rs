//! How every service runs.
//!
//! A service is its configuration type and one function that builds its RPCs; the chassis does the rest, the same way
//! for all of them: it reads the configuration ([`config`]), closes the doors a process leaves open ([`harden`]), wipes
//! the memory it frees ([`memory`]), writes logs ([`telemetry`]), serves the edge in the clear or the inside over
//! mutual TLS ([`server`], [`mtls`]), gives every call its ids and logs how it ended ([`call`]), lets only callers in
//! that the access table names ([`gate`]), serves gRPC health and reflection ([`rpcs`]), tells probes whether it is
//! ready ([`health`]), and drains before it stops ([`lifecycle`]).

mod accept;
pub mod bounded_log;
pub mod call;
mod check;
mod client_address;
pub mod config;
pub mod cors;
pub mod gate;
pub mod harden;
pub mod health;
pub mod issuers;
mod key_fetcher;
pub mod lifecycle;
mod log_writer;
pub mod memory;
pub mod metrics;
pub mod mtls;
pub mod observe;
mod ops;
pub mod process;
pub mod rpcs;
pub mod server;
pub mod telemetry;
#[cfg(test)]
mod test_log;
pub mod trace;

pub use call::{Call, Facts, call};
pub use client_address::TrustedProxies;
pub use gate::{Gate, SignedIn, signed_in};
pub use health::Health;
pub use lifecycle::Lifecycle;
pub use metrics::Metrics;
pub use process::{Process, on_hangup, run};
pub use rpcs::Rpcs;
