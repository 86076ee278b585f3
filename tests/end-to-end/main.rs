//! The main job, through the public API, on real parts.

#![allow(clippy::unwrap_used, reason = "a test")]

mod changes;
mod queries;
mod secrets;
