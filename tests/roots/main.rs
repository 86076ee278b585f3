//! The remote roots against real servers: `OpenBao`, and moto in the place of AWS KMS.

#![allow(clippy::unwrap_used, reason = "a test")]

mod kms;
mod log;
mod moving;
mod support;
mod vault;
mod vault_account;
mod vault_outage;
mod vault_token;
