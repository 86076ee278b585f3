//! The cost of many owners: 16 callers that query for 1,000 owners in turn, each with a connection and a session of its
//! own, compared with the same callers for one owner.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::{
    Bench, Figures, REQUESTS, Row, Target,
    point::{ThroughPostern, through_postern},
};
use crate::{
    client::{Caller, Sample},
    stage::{
        postern::{Bearer, Postern},
        tenant::CONNECTION,
    },
};

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
    let chunks = (0..CALLERS).zip(bearers.chunks(OWNERS.div_ceil(CALLERS as usize)));
    let ours =
        try_join_all(chunks.map(|(caller, bearers)| with_open_sessions(postern, bearers, caller))).await?;
    let other = through_postern(bench, CALLERS).await?;
    bench.pace.compare(ours, Ok(other), Sample::rate).await
}

/// A caller for these owners, after one query for each: the row is not about opening sessions.
async fn with_open_sessions(postern: &Postern, owners: &[Bearer], caller: u32) -> Result<ThroughPostern> {
    let mut queries = ThroughPostern::new(postern, owners.to_vec(), caller).await?;
    for _ in owners {
        queries.call().await?;
    }
    Ok(queries)
}
