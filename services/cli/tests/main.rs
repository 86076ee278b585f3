//! The command line as an operator runs it: the built program, against a whole Postern.

#![allow(clippy::unwrap_used, reason = "a test")]

mod deny;
mod doctor;
mod doctor_services;
mod files;
mod interrupted;
mod output;
mod pooler;
mod refusals;
mod roles;
mod rotation;
mod support;
mod terminal;
mod user;
mod waiting;
