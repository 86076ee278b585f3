//! The first query of a connection: proxy-service opens the secret, dials, signs in and queries. The other side dials,
//! signs in and queries directly. The connection is saved before each call, which gives it a new version and so a new
//! pool; the time for that does not count.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use postern_rpc::connection::connection_service_client::ConnectionServiceClient;
use tonic::transport::Channel;

use super::{
    Bench, Figures, Row, Target,
    point::{Keys, POINT, ThroughPostern},
};
use crate::{
    client::{Caller, Sample},
    stage::{
        postern::{Bearer, save},
        tenant::{CONNECTION, connect},
    },
};

pub(super) const ROWS: &[Row] = &[Row {
    id: "proxy.cold",
    what: "first query of a connection, 1 caller, 1 owner, p50, vs. direct tokio-postgres",
    unit: "ms",
    target: Target::AddsAtMost(2.0),
    measure: |bench| Box::pin(over_direct(bench)),
}];

async fn over_direct(bench: &Bench) -> Result<Figures> {
    let (postern, tenant) = (bench.stage.postern().await?, bench.stage.tenant().await?);
    let bearer = postern.bearer().clone();
    let cold = Cold {
        saving: ConnectionServiceClient::new(postern.channel().await?),
        querying: ThroughPostern::new(postern, vec![bearer.clone()], 0).await?,
        bearer,
        dsn: tenant.dsn(),
        took: Duration::ZERO,
    };
    let direct = Direct { dsn: tenant.dsn(), keys: Keys::of(0) };
    bench.pace.compare(vec![cold], Ok(vec![direct]), Sample::p50_millis).await
}

struct Cold {
    saving: ConnectionServiceClient<Channel>,
    querying: ThroughPostern,
    bearer: Bearer,
    dsn: String,
    took: Duration,
}

impl Caller for Cold {
    async fn call(&mut self) -> Result<()> {
        save(&mut self.saving, &self.bearer, CONNECTION, &self.dsn).await?;
        let asked = Instant::now();
        self.querying.call().await.context("the first query")?;
        self.took = asked.elapsed();
        Ok(())
    }

    fn counted(&self, _: Duration) -> Duration {
        self.took
    }
}

struct Direct {
    dsn: String,
    keys: Keys,
}

impl Caller for Direct {
    async fn call(&mut self) -> Result<()> {
        connect(&self.dsn).await?.query_one(POINT, &[&self.keys.next()]).await?;
        Ok(())
    }
}
