//! Reading one row from a Supabase project by primary key: through Forward, and directly, as an app does that has the
//! key. Both ways end at the same gateway and PostgREST, each caller with its own connection.

use anyhow::{Result, ensure};
use postern_rpc::proxy::{
    ForwardRequest, QueryParameter, forward_response::Part, proxy_service_client::ProxyServiceClient,
};
use tonic::transport::Channel;

use super::{Bench, Figures, REQUESTS, Row, Target};
use crate::{
    client::{Caller, Sample},
    stage::{
        postern::Bearer,
        supabase::{self, PROJECT},
    },
};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "supabase.forward.c1",
        what: "read of one row of a project, 1 owner, 1 caller, p50, vs. the direct call",
        unit: "ms",
        target: Target::AddsAtMost(0.5),
        measure: |bench| Box::pin(against_direct(bench, 1, |sample| sample.p50_micros() / 1000.0)),
    },
    Row {
        id: "supabase.forward.c16",
        what: "read of one row of a project, 1 owner, 16 callers, vs. direct calls",
        unit: REQUESTS,
        target: Target::AtLeast(0.6),
        measure: |bench| Box::pin(against_direct(bench, 16, Sample::rate)),
    },
];

/// The row that is read. There are others, so that the filter counts.
const ID: &str = "11";

/// What the project answers.
const ANSWER: &str = r#"[{"id":11,"status":"paid"}]"#;

async fn against_direct(bench: &Bench, callers: usize, figure: fn(&Sample) -> f64) -> Result<Figures> {
    let (postern, project) = (bench.stage.postern().await?, bench.stage.supabase().await?);
    let (endpoint, key) = project.endpoint();
    postern.save_project(PROJECT, endpoint, key).await?;
    let (mut ours, mut direct) = (Vec::new(), Vec::new());
    for _ in 0..callers {
        let client = ProxyServiceClient::new(postern.channel().await?);
        ours.push(ThroughPostern { client, bearer: postern.bearer().clone() });
        direct.push(Direct(project.connect().await?));
    }
    bench.pace.compare(ours, Ok(direct), figure).await
}

struct ThroughPostern {
    client: ProxyServiceClient<Channel>,
    bearer: Bearer,
}

impl Caller for ThroughPostern {
    async fn call(&mut self) -> Result<()> {
        let parameter = |name: &str, value: String| QueryParameter { name: name.to_owned(), value };
        let request = ForwardRequest {
            connection: PROJECT.to_owned(),
            path: vec!["orders".to_owned()],
            query: vec![parameter("select", "id,status".to_owned()), parameter("id", format!("eq.{ID}"))],
            ..ForwardRequest::default()
        };
        let mut parts = self.client.forward(self.bearer.authorize(request)).await?.into_inner();
        let mut body = Vec::new();
        while let Some(part) = parts.message().await? {
            if let Some(Part::Body(bytes)) = part.part {
                body.extend_from_slice(&bytes);
            }
        }
        check(&body)
    }
}

struct Direct(supabase::Direct);

impl Caller for Direct {
    async fn call(&mut self) -> Result<()> {
        check(&self.0.get(&format!("/rest/v1/orders?select=id,status&id=eq.{ID}")).await?)
    }
}

fn check(body: &[u8]) -> Result<()> {
    ensure!(body == ANSWER.as_bytes(), "the project answered {}", String::from_utf8_lossy(body));
    Ok(())
}
