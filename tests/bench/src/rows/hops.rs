//! How close a point query comes to its physical limit: the three hops that it cannot do without, made by hand one
//! after the other. They are an empty streaming RPC, one prepared lookup in the control database (past row level
//! security), and one prepared query in the tenant's.

use anyhow::{Context, Result, ensure};
use http::uri::PathAndQuery;
use postern_rpc::codec::MessageCodec;
use tokio_postgres::{Client, Statement};
use tonic::{Request, client::Grpc, transport::Channel};

use super::{
    Bench, Figures, REQUESTS, Row, Target,
    point::{Keys, POINT, through_postern},
};
use crate::{
    client::{Caller, Sample},
    stage::{empty, tenant::CONNECTION},
};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "proxy.hops.c1",
        what: "point query, 1 caller, 1 owner, p50, vs. the same three hops by hand",
        unit: "µs",
        target: Target::AtMost(1.5),
        measure: |bench| Box::pin(against_hops(bench, 1, Sample::p50_micros)),
    },
    Row {
        id: "proxy.hops.c16",
        what: "point query, 16 callers, 1 owner, vs. the same three hops by hand",
        unit: REQUESTS,
        target: Target::AtLeast(0.6),
        measure: |bench| Box::pin(against_hops(bench, 16, Sample::rate)),
    },
];

const LOOKUP: &str =
    "select id, version from postern.connections where owner_id = $1::text::uuid and name = $2";

async fn against_hops(bench: &Bench, callers: u32, figure: fn(&Sample) -> f64) -> Result<Figures> {
    let ours = through_postern(bench, callers).await?;
    let mut other = Vec::new();
    for caller in 0..callers {
        other.push(ByHand::new(bench, caller).await?);
    }
    bench.pace.compare(ours, Ok(other), figure).await
}

struct ByHand {
    rpc: Grpc<Channel>,
    control: (Client, Statement),
    tenant: (Client, Statement),
    /// The owner of the connection that is looked up.
    owner: String,
    keys: Keys,
}

impl ByHand {
    async fn new(bench: &Bench, caller: u32) -> Result<Self> {
        let stage = &bench.stage;
        let control = prepared(stage.postern().await?.control_database().await?, LOOKUP).await?;
        let tenant = prepared(stage.tenant().await?.connect().await?, POINT).await?;
        let saved = "select owner_id::text from postern.connections where name = $1 limit 1";
        let owner = control.0.query_opt(saved, &[&CONNECTION]).await?.context("nothing is saved")?.get(0);
        let rpc = Grpc::new(stage.empty().await?.edge_channel().await?);
        Ok(Self { rpc, control, tenant, owner, keys: Keys::of(caller) })
    }
}

async fn prepared(client: Client, sql: &str) -> Result<(Client, Statement)> {
    let statement = client.prepare(sql).await?;
    Ok((client, statement))
}

impl Caller for ByHand {
    async fn call(&mut self) -> Result<()> {
        self.rpc.ready().await?;
        let (path, codec) = (PathAndQuery::from_static(empty::STREAM), MessageCodec::<(), ()>::default());
        let mut messages = self.rpc.server_streaming(Request::new(()), path, codec).await?.into_inner();
        while messages.message().await?.is_some() {}
        let (control, lookup) = &self.control;
        let found = control.query(lookup, &[&self.owner, &CONNECTION]).await?;
        ensure!(found.len() == 1, "the lookup has {} rows", found.len());
        let (tenant, point) = &self.tenant;
        tenant.query_one(point, &[&self.keys.next()]).await?;
        Ok(())
    }
}
