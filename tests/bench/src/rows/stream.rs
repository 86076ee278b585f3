//! Long results: rows of ten columns, compared with draining them directly and with the edge function, which sends
//! JSON. One caller on each side.

use anyhow::{Result, ensure};
use futures_util::TryStreamExt;
use postern_rpc::proxy::{QueryRequest, proxy_service_client::ProxyServiceClient};
use serde::Deserialize;
use serde_json::json;
use tokio_postgres::{Client, Statement, types::ToSql};
use tonic::transport::Channel;

use super::{Bench, Figures, Row, Target};
use crate::{
    client::Caller,
    stage::{
        http::HttpClient,
        postern::Bearer,
        tenant::{CONNECTION, WIDE_ROWS},
    },
};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "proxy.stream.direct",
        what: "1,000,000 rows of 10 columns, 1 caller, 1 owner, vs. direct tokio-postgres",
        unit: "rows/s",
        target: Target::AtLeast(0.7),
        measure: |bench| Box::pin(against_direct(bench)),
    },
    Row {
        id: "proxy.stream.edge",
        what: "100,000 rows of 10 columns, 1 caller, 1 owner, vs. the edge function",
        unit: "rows/s",
        target: Target::AtLeast(5.0),
        measure: |bench| Box::pin(against_edge(bench)),
    },
];

/// The edge function holds its whole result in memory several times.
const EDGE_ROWS: u32 = 100_000;

async fn against_direct(bench: &Bench) -> Result<Figures> {
    let ours = through_postern(bench, WIDE_ROWS).await?;
    let client = bench.stage.tenant().await?.connect().await?;
    let statement = client.prepare(&wide(WIDE_ROWS)).await?;
    let direct = vec![Direct { client, statement }];
    bench.pace.compare(ours, Ok(direct), |sample| sample.rate() * f64::from(WIDE_ROWS)).await
}

async fn against_edge(bench: &Bench) -> Result<Figures> {
    let ours = through_postern(bench, EDGE_ROWS).await?;
    let other = match bench.stage.edge_function().await {
        Ok(edge) => {
            edge.save(CONNECTION, &bench.stage.tenant().await?.dsn()).await?;
            Ok(vec![ThroughEdge(edge.client().await?)])
        }
        Err(missing) => Err(missing),
    };
    bench.pace.compare(ours, other, |sample| sample.rate() * f64::from(EDGE_ROWS)).await
}

fn wide(rows: u32) -> String {
    format!("select * from wide where id <= {rows}")
}

async fn through_postern(bench: &Bench, rows: u32) -> Result<Vec<ThroughPostern>> {
    let (postern, tenant) = (bench.stage.postern().await?, bench.stage.tenant().await?);
    tenant.fill_wide().await?;
    postern.save(CONNECTION, &tenant.dsn()).await?;
    let client = ProxyServiceClient::new(postern.channel().await?);
    Ok(vec![ThroughPostern { client, bearer: postern.bearer().clone(), rows }])
}

struct ThroughPostern {
    client: ProxyServiceClient<Channel>,
    bearer: Bearer,
    rows: u32,
}

impl Caller for ThroughPostern {
    async fn call(&mut self) -> Result<()> {
        let request = QueryRequest {
            connection: CONNECTION.to_owned(),
            sql: wide(self.rows),
            max_rows: self.rows.into(),
            ..QueryRequest::default()
        };
        let mut messages = self.client.query(self.bearer.authorize(request)).await?.into_inner();
        let (mut rows, mut complete) = (0, false);
        while let Some(message) = messages.message().await? {
            rows += message.batch.map_or(0, |batch| batch.row_count);
            complete = message.summary.is_some();
        }
        ensure!(complete && rows == self.rows, "the response has {rows} rows");
        Ok(())
    }
}

struct Direct {
    client: Client,
    statement: Statement,
}

impl Caller for Direct {
    async fn call(&mut self) -> Result<()> {
        let none: [&(dyn ToSql + Sync); 0] = [];
        let rows = self.client.query_raw(&self.statement, none).await?;
        let count = rows.try_fold(0, async |count, _| Ok(count + 1)).await?;
        ensure!(count == WIDE_ROWS, "the result has {count} rows");
        Ok(())
    }
}

struct ThroughEdge(HttpClient);

#[derive(Deserialize)]
struct Body {
    rows: Vec<Wide>,
}

/// A row as sent by the edge function. Parsing it is part of the call, as it is with gRPC.
#[derive(Deserialize)]
struct Wide {
    #[serde(rename = "id")]
    _id: i32,
    #[serde(rename = "shop")]
    _shop: i32,
    #[serde(rename = "code")]
    _code: String,
    #[serde(rename = "paid")]
    _paid: bool,
    #[serde(rename = "weight")]
    _weight: f64,
    #[serde(rename = "price")]
    _price: String,
    #[serde(rename = "customer")]
    _customer: String,
    #[serde(rename = "city")]
    _city: String,
    #[serde(rename = "note")]
    _note: Option<String>,
    #[serde(rename = "placed")]
    _placed: String,
}

impl Caller for ThroughEdge {
    async fn call(&mut self) -> Result<()> {
        let request = json!({ "name": CONNECTION, "sql": wide(EDGE_ROWS), "params": [] });
        let response: Body = self.0.post("/api/tenant-proxy", &request).await?;
        ensure!(response.rows.len() == EDGE_ROWS as usize, "the response has {} rows", response.rows.len());
        Ok(())
    }
}
