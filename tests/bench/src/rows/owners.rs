//! The cost of many owners: 16 callers that query for 1,000 owners in turn, each with a connection and a session of its
//! own, compared with the same callers for one owner.

use anyhow::Result;

use super::{
    Bench, Figures, REQUESTS, Row, Target,
    point::{ThroughPostern, through_postern},
};
use crate::{client::Sample, stage::tenant::CONNECTION};

pub(super) const ROWS: &[Row] = &[Row {
    id: "proxy.point.owners",
    what: "point query, 16 callers, 1,000 owners, vs. 1 owner",
    unit: REQUESTS,
    target: Target::AtLeast(0.8),
    measure: |bench| Box::pin(against_one(bench)),
}];

const CALLERS: u32 = 16;
const OWNERS: usize = 1000;

async fn against_one(bench: &Bench) -> Result<Figures> {
    let (postern, tenant) = (bench.stage.postern().await?, bench.stage.tenant().await?);
    let bearers = postern.owners(OWNERS, CONNECTION, &tenant.dsn()).await?;
    let mut ours = Vec::new();
    for (caller, bearers) in (0..CALLERS).zip(bearers.chunks(OWNERS.div_ceil(CALLERS as usize))) {
        ours.push(ThroughPostern::new(postern, bearers.to_vec(), caller).await?);
    }
    let other = through_postern(bench, CALLERS).await?;
    bench.pace.compare(ours, Ok(other), Sample::rate).await
}
