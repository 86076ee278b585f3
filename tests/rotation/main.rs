//! Replicas of crypto-service that share a key ring: rotation under load, restarts, counts, bounds. Everything is real:
//! the service, its certificates and tokens, and the files.

#![allow(clippy::unwrap_used, reason = "a test")]

mod bounds;
mod fleet;
mod load;
mod outage;
mod replicas;
mod rotation;
