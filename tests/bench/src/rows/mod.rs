//! The rows. Each file has those of one question, and the callers that they compare.

mod batch;
mod crypto;
mod openbao;
mod point;
mod token;
mod upsert;

use anyhow::Result;
use futures_util::future::BoxFuture;

use crate::{
    pace::Pace,
    stage::{Missing, Stage},
};

/// What a row measures with.
pub(crate) struct Bench {
    pub stage: Stage,
    pub pace: Pace,
}

/// One question of the table.
pub(crate) struct Row {
    /// Its id, as the contract lists it.
    pub id: &'static str,
    /// The question in a few words.
    pub what: &'static str,
    /// Of both figures.
    pub unit: &'static str,
    /// What the ratio is to be.
    pub target: Target,
    /// Takes the figures.
    pub measure: for<'b> fn(&'b Bench) -> BoxFuture<'b, Result<Figures>>,
}

/// Bounds for ours over other.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

/// What was measured.
pub(crate) struct Figures {
    pub ours: f64,
    /// Absent where the peer cannot be had on this machine.
    pub other: Result<f64, Missing>,
}

const REQUESTS: &str = "requests/s";

/// Every row, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [crypto::ROWS, openbao::ROWS, batch::ROWS, token::ROWS, upsert::ROWS, point::ROWS].into_iter().flatten()
}
