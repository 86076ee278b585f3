//! The rows of the table. Each file has the rows of one question and the callers that they compare.

mod batch;
mod beside;
mod client;
mod cold;
mod crypto;
mod hops;
mod lookup;
mod openbao;
mod owners;
mod point;
mod pools;
mod stream;
mod supabase;
mod telemetry;
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
    /// A short description, with the number of owners (users) whose data the calls work on.
    pub what: &'static str,
    /// The unit of both figures.
    pub unit: &'static str,
    /// What it has to reach.
    pub target: Target,
    /// Measures the figures.
    pub measure: for<'b> fn(&'b Bench) -> BoxFuture<'b, Result<Figures>>,
}

/// What a row has to reach.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Minimum of the ratio of ours to other.
    AtLeast(f64),
    /// Maximum of the ratio of ours to other.
    AtMost(f64),
    /// Maximum of what ours adds to other, in the row's unit.
    AddsAtMost(f64),
    /// Maximum of ours, in the row's unit.
    OursAtMost(f64),
}

/// The figures of a row.
pub(crate) struct Figures {
    pub ours: f64,
    pub other: Other,
}

/// The other side of a row.
pub(crate) enum Other {
    Figure(f64),
    /// It is not available on this machine.
    Missing(Missing),
    /// The row has no other side.
    Nothing,
}

const REQUESTS: &str = "requests/s";

/// All rows, in table order.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    let crypto = [crypto::ROWS, openbao::ROWS, batch::ROWS, token::ROWS];
    let connection = [upsert::ROWS, lookup::ROWS];
    let proxy = [
        point::ROWS,
        beside::ROWS,
        owners::ROWS,
        hops::ROWS,
        telemetry::ROWS,
        stream::ROWS,
        cold::ROWS,
        pools::ROWS,
        supabase::ROWS,
    ];
    crypto.into_iter().chain(connection).chain(proxy).chain([client::ROWS]).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_sends_requests_says_how_many_owners_it_uses() {
        let sends = |row: &&Row| row.id != "client.size";
        for Row { id, what, .. } in all().filter(sends) {
            assert!(what.contains(" owner,") || what.contains(" owners"), "{id}: {what}");
        }
    }
}
