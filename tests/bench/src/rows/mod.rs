//! The rows of the table. Each file has the rows of one question and the callers that they compare.

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

/// What a row needs to measure.
pub(crate) struct Bench {
    pub stage: Stage,
    pub pace: Pace,
}

/// One question of the table.
pub(crate) struct Row {
    /// The row's id, which does not change.
    pub id: &'static str,
    /// A short description.
    pub what: &'static str,
    /// The unit of both figures.
    pub unit: &'static str,
    /// The target for the ratio.
    pub target: Target,
    /// Measures the figures.
    pub measure: for<'b> fn(&'b Bench) -> BoxFuture<'b, Result<Figures>>,
}

/// A bound for the ratio of ours to other.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Higher is better.
    AtLeast(f64),
    /// Lower is better.
    AtMost(f64),
}

/// The figures of a row.
pub(crate) struct Figures {
    pub ours: f64,
    /// The peer's figure, or why the peer is not available on this machine.
    pub other: Result<f64, Missing>,
}

const REQUESTS: &str = "requests/s";

/// All rows, in table order.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    [crypto::ROWS, openbao::ROWS, batch::ROWS, token::ROWS, upsert::ROWS, point::ROWS].into_iter().flatten()
}
