//! An installation as an operator has it: separate processes, configured by files and managed with the `postern`
//! command. It is restarted under load behind Envoy, loses crypto-service, is restored from a backup, and upgraded.

#![allow(clippy::unwrap_used, reason = "a test")]

mod installation;
mod load;
mod log;
mod outage;
mod replica;
mod restore;
mod rolling;
mod upgrade;
