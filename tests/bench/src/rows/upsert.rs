//! Saving a connection: token, seal, upsert under row level security. Each caller repeatedly saves under its own name.

use anyhow::{Context, Result, ensure};
use postern_rpc::connection::{
    UpsertConnectionRequest, connection_service_client::ConnectionServiceClient,
    upsert_connection_request::Endpoint,
};
use serde::Deserialize;
use serde_json::json;
use tonic::transport::Channel;
use uuid::Uuid;

use super::{Bench, Figures, REQUESTS, Row, Target};
use crate::{
    client::{Caller, Sample},
    stage::{http::HttpClient, postern::Bearer},
};

pub(super) const ROWS: &[Row] = &[Row {
    id: "connection.upsert.c16",
    what: "saving a connection, 16 callers, 1 owner, vs. the edge function",
    unit: REQUESTS,
    target: Target::AtLeast(2.5),
    measure: |bench| Box::pin(against_edge(bench, 16)),
}];

async fn against_edge(bench: &Bench, callers: usize) -> Result<Figures> {
    let (postern, dsn) = (bench.stage.postern().await?, bench.stage.tenant().await?.dsn());
    let mut ours = Vec::new();
    for n in 0..callers {
        let client = ConnectionServiceClient::new(postern.channel().await?);
        ours.push(Upsert { client, bearer: postern.bearer().clone(), name: name(n), dsn: dsn.clone() });
    }
    let other = match bench.stage.edge_function().await {
        Ok(edge) => {
            let mut all = Vec::new();
            for n in 0..callers {
                all.push(Save { client: edge.client().await?, name: name(n), dsn: dsn.clone() });
            }
            Ok(all)
        }
        Err(missing) => Err(missing),
    };
    bench.pace.compare(ours, other, Sample::rate).await
}

fn name(caller: usize) -> String {
    format!("saved-{caller}")
}

struct Upsert {
    client: ConnectionServiceClient<Channel>,
    bearer: Bearer,
    name: String,
    dsn: String,
}

impl Caller for Upsert {
    async fn call(&mut self) -> Result<()> {
        let request = UpsertConnectionRequest {
            name: self.name.clone(),
            endpoint: Some(Endpoint::PostgresDsn(self.dsn.clone())),
            ..UpsertConnectionRequest::default()
        };
        let response = self.client.upsert_connection(self.bearer.authorize(request)).await?.into_inner();
        let stored = response.connection.context("the response has no connection")?;
        ensure!(stored.name == self.name, "the response has a different connection");
        Ok(())
    }
}

struct Save {
    client: HttpClient,
    name: String,
    dsn: String,
}

#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "id")]
    _id: Uuid,
}

impl Caller for Save {
    async fn call(&mut self) -> Result<()> {
        let request = json!({ "name": self.name, "url": self.dsn });
        let _: Saved = self.client.post("/api/save-connection", &request).await?;
        Ok(())
    }
}
