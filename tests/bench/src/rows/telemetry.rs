//! What traces cost: a point query while spans are exported, compared with one while they are not. Metrics are counted
//! on both sides, because they always are; a scrape every few seconds costs nothing that could be measured.

use anyhow::Result;

use super::{
    Bench, Figures, REQUESTS, Row, Target,
    point::{through, through_postern},
};
use crate::client::Sample;

pub(super) const ROWS: &[Row] = &[Row {
    id: "telemetry.on",
    what: "point query, 16 callers, 1 owner, 5% of the traces exported, vs. none",
    unit: REQUESTS,
    target: Target::AtLeast(0.9),
    measure: |bench| Box::pin(with_and_without(bench, 16)),
}];

async fn with_and_without(bench: &Bench, callers: u32) -> Result<Figures> {
    let (traced, _collector) = bench.stage.traced_postern().await?;
    let ours = through(bench, &traced, callers).await?;
    let other = through_postern(bench, callers).await?;
    bench.pace.compare(ours, Ok(other), Sample::rate).await
}
