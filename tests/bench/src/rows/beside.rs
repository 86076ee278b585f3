//! What others notice of large rows: the slowest point queries of one user while others read eight streams of 16 MB
//! rows, compared with the same directly. On both sides the client reads the streams, which takes much of the machine.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{TryStreamExt, future::BoxFuture};
use postern_rpc::proxy::{QueryRequest, proxy_service_client::ProxyServiceClient};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;

use super::{
    Bench, Figures, Other, Row, Target,
    point::{direct, through_postern},
};
use crate::{
    client::{self, Caller},
    stage::{postern::Bearer, tenant::CONNECTION},
};

pub(super) const ROWS: &[Row] = &[Row {
    id: "proxy.point.beside",
    what: "point query, p99, 1 caller beside 8 streams of 16 MB rows, 3 owners, vs. direct tokio-postgres",
    unit: "ms",
    target: Target::AtMost(3.0),
    measure: |bench| Box::pin(beside_streams(bench)),
}];

const STREAMS: usize = 8;

const LARGE: &str = "select repeat('x', 16000000) from generate_series(1, 20)";

/// Bytes of a message, which holds at least one whole row.
const MESSAGE: usize = 32 << 20;

/// Long enough for a hundred queries beyond the 99th percentile's one.
const WINDOW: Duration = Duration::from_secs(8);

async fn beside_streams(bench: &Bench) -> Result<Figures> {
    let (postern, tenant) = (bench.stage.postern().await?, bench.stage.tenant().await?);
    let point = through_postern(bench, 1).await?;
    let readers = postern.owners(2, CONNECTION, &tenant.dsn()).await?;
    let mut streams: Vec<BoxFuture<'static, Result<()>>> = Vec::new();
    for bearer in readers.into_iter().cycle().take(STREAMS) {
        let client = ProxyServiceClient::new(postern.channel().await?).max_decoding_message_size(MESSAGE);
        streams.push(Box::pin(read(client, bearer)));
    }
    let ours = slowest(point, streams).await.context("Postern")?;

    let mut streams: Vec<BoxFuture<'static, Result<()>>> = Vec::new();
    for _ in 0..STREAMS {
        let client = tenant.connect().await?;
        streams.push(Box::pin(async move {
            let none: [&(dyn ToSql + Sync); 0] = [];
            loop {
                client.query_raw(LARGE, none).await?.try_for_each(async |_| Ok(())).await?;
            }
        }));
    }
    let other = slowest(vec![direct(bench).await?], streams).await.context("the other side")?;
    Ok(Figures { ours, other: Other::Figure(other) })
}

async fn read(mut client: ProxyServiceClient<tonic::transport::Channel>, bearer: Bearer) -> Result<()> {
    loop {
        let request = QueryRequest {
            connection: CONNECTION.to_owned(),
            sql: LARGE.to_owned(),
            ..QueryRequest::default()
        };
        let mut messages = client.query(bearer.authorize(request)).await?.into_inner();
        while messages.message().await?.is_some() {}
    }
}

/// The 99th percentile while the streams flow, in milliseconds. A stream that ends is an error.
async fn slowest<C: Caller>(callers: Vec<C>, streams: Vec<BoxFuture<'static, Result<()>>>) -> Result<f64> {
    let mut flowing = JoinSet::new();
    for stream in streams {
        flowing.spawn(stream);
    }
    tokio::select! {
        measured = client::run(callers, WINDOW) => Ok(measured?.1.p99_millis()),
        Some(ended) = flowing.join_next() => ended?.and_then(|()| anyhow::bail!("a stream has ended")),
    }
}
