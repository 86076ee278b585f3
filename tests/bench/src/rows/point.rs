//! A query for one row by primary key, through the whole path: token, lookup under row level security, pooled tenant
//! session, one message of columns. All callers use the same user, each on its own connection.

use std::{iter::Cycle, time::Duration, vec::IntoIter};

use anyhow::{Context, Result, ensure};
use postern_rpc::proxy::{QueryRequest, Value, proxy_service_client::ProxyServiceClient, value::Kind};
use serde::Deserialize;
use serde_json::json;
use tokio_postgres::{Client, Statement};
use tonic::transport::Channel;

use super::{Bench, Figures, REQUESTS, Row, Target};
use crate::{
    client::{Caller, Sample},
    stage::{
        http::HttpClient,
        postern::{Bearer, Postern},
        tenant::{CONNECTION, ITEMS},
    },
};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "proxy.point.c1",
        what: "point query, 1 caller, 1 owner, p50, vs. direct tokio-postgres",
        unit: "µs",
        target: Target::AtMost(3.2),
        measure: |bench| Box::pin(over_direct(bench)),
    },
    Row {
        id: "proxy.point.c16",
        what: "point query, 16 callers, 1 owner, vs. the edge function",
        unit: REQUESTS,
        target: Target::AtLeast(4.0),
        measure: |bench| Box::pin(against_edge(bench, 16)),
    },
    Row {
        id: "proxy.point.c64",
        what: "point query, 64 callers, 1 owner, vs. the edge function",
        unit: REQUESTS,
        target: Target::AtLeast(4.0),
        measure: |bench| Box::pin(against_edge(bench, 64)),
    },
];

pub(super) const POINT: &str = "select id, label from item where id = $1";

async fn over_direct(bench: &Bench) -> Result<Figures> {
    let ours = through_postern(bench, 1).await?;
    let other = vec![direct(bench).await?];
    bench.pace.compare(ours, Ok(other), Sample::p50_micros).await
}

/// A caller without a Postern between.
pub(super) async fn direct(bench: &Bench) -> Result<Direct> {
    let client = bench.stage.tenant().await?.connect().await?;
    let statement = client.prepare(POINT).await?;
    Ok(Direct { client, statement, keys: Keys::of(0) })
}

async fn against_edge(bench: &Bench, callers: u32) -> Result<Figures> {
    let ours = through_postern(bench, callers).await?;
    let other = match bench.stage.edge_function().await {
        Ok(edge) => {
            edge.save(CONNECTION, &bench.stage.tenant().await?.dsn()).await?;
            let mut all = Vec::new();
            for n in 0..callers {
                all.push(ThroughEdge { client: edge.client().await?, keys: Keys::of(n) });
            }
            Ok(all)
        }
        Err(missing) => Err(missing),
    };
    bench.pace.compare(ours, other, Sample::rate).await
}

/// Callers for one owner, through the Postern of the stage.
pub(super) async fn through_postern(bench: &Bench, callers: u32) -> Result<Vec<ThroughPostern>> {
    through(bench, bench.stage.postern().await?, callers).await
}

/// Callers for one owner, through this Postern.
pub(super) async fn through(bench: &Bench, postern: &Postern, callers: u32) -> Result<Vec<ThroughPostern>> {
    postern.save(CONNECTION, &bench.stage.tenant().await?.dsn()).await?;
    let mut all = Vec::new();
    for n in 0..callers {
        all.push(ThroughPostern::new(postern, vec![postern.bearer().clone()], n).await?);
    }
    Ok(all)
}

/// Queries a row through Postern, for one owner after the other.
pub(super) struct ThroughPostern {
    client: ProxyServiceClient<Channel>,
    bearers: Cycle<IntoIter<Bearer>>,
    keys: Keys,
    /// How long the lookup of the last call took, as measured by proxy-service.
    pub(super) lookup: Duration,
}

impl ThroughPostern {
    pub(super) async fn new(postern: &Postern, bearers: Vec<Bearer>, caller: u32) -> Result<Self> {
        let client = ProxyServiceClient::new(postern.channel().await?);
        let (bearers, keys) = (bearers.into_iter().cycle(), Keys::of(caller));
        Ok(Self { client, bearers, keys, lookup: Duration::ZERO })
    }
}

impl Caller for ThroughPostern {
    async fn call(&mut self) -> Result<()> {
        let request = QueryRequest {
            connection: CONNECTION.to_owned(),
            sql: POINT.to_owned(),
            parameters: vec![Value { kind: Some(Kind::IntValue(self.keys.next().into())) }],
            ..QueryRequest::default()
        };
        let request = self.bearers.next().context("no owners")?.authorize(request);
        let mut messages = self.client.query(request).await?.into_inner();
        let mut summary = None;
        while let Some(message) = messages.message().await? {
            summary = message.summary;
        }
        let summary = summary.context("the response has no summary")?;
        ensure!(summary.row_count == 1, "the response has {} rows", summary.row_count);
        let lookup = summary.timings.and_then(|timings| timings.lookup).context("no time for the lookup")?;
        self.lookup = lookup.try_into()?;
        Ok(())
    }
}

pub(super) struct Direct {
    client: Client,
    statement: Statement,
    keys: Keys,
}

impl Caller for Direct {
    async fn call(&mut self) -> Result<()> {
        self.client.query_one(&self.statement, &[&self.keys.next()]).await?;
        Ok(())
    }
}

struct ThroughEdge {
    client: HttpClient,
    keys: Keys,
}

impl Caller for ThroughEdge {
    async fn call(&mut self) -> Result<()> {
        let request = json!({ "name": CONNECTION, "sql": POINT, "params": [self.keys.next()] });
        let response: Body = self.client.post("/api/tenant-proxy", &request).await?;
        ensure!(response.rows.len() == 1, "the response has {} rows", response.rows.len());
        Ok(())
    }
}

#[derive(Deserialize)]
struct Body {
    rows: Vec<Item>,
}

/// A row as sent by the edge function. Parsing it is part of the call, as it is with gRPC.
#[derive(Deserialize)]
struct Item {
    #[serde(rename = "id")]
    _id: i32,
    #[serde(rename = "label")]
    _label: String,
}

/// Keys spread over the whole table, in a different order for each caller.
pub(super) struct Keys(i32);

impl Keys {
    pub(super) fn of(caller: u32) -> Self {
        Self(i32::try_from(caller).unwrap_or_default())
    }

    pub(super) fn next(&mut self) -> i32 {
        // The step is a prime that does not divide ITEMS, so every key is used once before any key repeats.
        self.0 = (self.0 + 7919) % ITEMS;
        self.0 + 1
    }
}
