//! Whether the lookup of a connection takes longer where many are saved: the time that proxy-service gives for it, with
//! 1,000,000 rows in the control database, compared with 1,000. The rows that belong to nobody who calls are filled in
//! by SQL.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, Figures, Row, Target, point::ThroughPostern};
use crate::{
    client::{Caller, Sample},
    stage::{postern::Postern, tenant::CONNECTION},
};

pub(super) const ROWS: &[Row] = &[Row {
    id: "connection.lookup.scale",
    what: "lookup, 1 caller, 100 owners, p50, 1,000,000 rows, vs. 1,000",
    unit: "µs",
    target: Target::AtMost(1.2),
    measure: |bench| Box::pin(many_against_few(bench)),
}];

const OWNERS: usize = 100;

async fn many_against_few(bench: &Bench) -> Result<Figures> {
    // Dropped, and so stopped, after the measurement.
    let many = bench.stage.another_postern("many-connections").await?;
    let few = bench.stage.another_postern("few-connections").await?;
    let ours = vec![Lookup(filled(bench, &many, 1_000_000).await?)];
    let other = vec![Lookup(filled(bench, &few, 1000).await?)];
    bench.pace.compare(ours, Ok(other), Sample::p50_micros).await
}

/// Saves a connection for each owner, and copies one of them until there are this many rows.
async fn filled(bench: &Bench, postern: &Postern, rows: usize) -> Result<ThroughPostern> {
    let dsn = bench.stage.tenant().await?.dsn();
    let bearers = postern.owners(OWNERS, CONNECTION, &dsn).await?;
    let database = postern.control_database().await?;
    database.batch_execute(&copies(rows - OWNERS)).await?;
    database.batch_execute("vacuum analyze postern.connections").await?;
    ThroughPostern::new(postern, bearers, 0).await
}

/// Each copy has an owner of its own. Whatever columns the table has, they come along.
fn copies(count: usize) -> String {
    format!(
        "insert into postern.connections
         select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),
                                                             'owner_id', gen_random_uuid()))).*
           from postern.connections c, generate_series(1, {count})
          where c.id = (select id from postern.connections where name = '{CONNECTION}' limit 1)"
    )
}

struct Lookup(ThroughPostern);

impl Caller for Lookup {
    async fn call(&mut self) -> Result<()> {
        self.0.call().await
    }

    fn counted(&self, _: Duration) -> Duration {
        self.0.lookup
    }
}
