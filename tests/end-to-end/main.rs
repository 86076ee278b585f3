//! The main job, through the public API, on real parts.

#![allow(clippy::unwrap_used, reason = "a test")]

mod admission;
mod changes;
mod outcomes;
mod queries;
mod secrets;
