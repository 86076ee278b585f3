//! No user reaches another's connection: through the API, at the database, or with a swapped row.

#![allow(clippy::unwrap_used, reason = "a test")]

mod api;
mod catalogue;
mod database;
mod denials;
mod erasure;
mod export;
mod lookups;
mod outage;
mod own_addresses;
mod pooler;
mod quota;
mod scale;
mod seals;
mod versions;
