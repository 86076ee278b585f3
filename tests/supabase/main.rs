//! The real supabase-js against a Supabase project: a real PostgREST and Postgres behind the testkit's gateway.

#![allow(clippy::unwrap_used, reason = "a test")]

mod caller;
mod calls;
mod direct;
mod driver;
mod refusals;
mod through;
