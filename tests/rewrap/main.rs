//! Seals move to a new key under load, cut off at any point, beside broken rows; and nothing is lost on the way.

#![allow(clippy::unwrap_used, reason = "a test")]

mod background;
mod broken;
mod interrupted;
mod lagging;
mod migration;
mod outage;
mod road;
mod saves;
mod scale;
mod support;
