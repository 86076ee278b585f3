//! Memory for many users: what one process of Postern has resident after 2,000 owners have queried, each through a pool
//! and a session of its own that is still open. All services are in the process, so the figure is an upper bound for
//! proxy-service's.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use super::{Bench, Figures, Other, Row, Target, point::ThroughPostern};
use crate::{
    client::Caller,
    stage::{
        postern::{Bearer, Postern},
        tenant::CONNECTION,
    },
};

pub(super) const ROWS: &[Row] = &[Row {
    id: "proxy.pools.2000",
    what: "memory resident with 2,000 live tenant pools, 2,000 owners",
    unit: "MB",
    target: Target::OursAtMost(200.0),
    measure: |bench| Box::pin(resident(bench)),
}];

const OWNERS: usize = 2000;
const CALLERS: usize = 16;

async fn resident(bench: &Bench) -> Result<Figures> {
    let tenant = bench.stage.tenant().await?;
    // One that has done nothing else.
    let postern = bench.stage.another_postern("many-pools").await?;
    let bearers = postern.owners(OWNERS, CONNECTION, &tenant.dsn()).await?;
    let before = tenant.sessions().await?;
    // Side by side, since a session that rests for a minute is closed.
    let chunks = bearers.chunks(OWNERS / CALLERS).map(|owners| query_once(&postern, owners));
    try_join_all(chunks).await?;
    let opened = tenant.sessions().await? - before;
    ensure!(usize::try_from(opened)? >= OWNERS, "only {opened} sessions are open");
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 bytes")]
    let megabytes = postern.resident_bytes()? as f64 / 1e6;
    Ok(Figures { ours: megabytes, other: Other::Nothing })
}

/// One query for each of these owners.
async fn query_once(postern: &Postern, owners: &[Bearer]) -> Result<()> {
    let mut queries = ThroughPostern::new(postern, owners.to_vec(), 0).await?;
    for _ in owners {
        queries.call().await?;
    }
    Ok(())
}
