//! What sealing costs on top of a call: Encrypt against an empty RPC that is served the same way, over mutual TLS. The
//! callers share one channel, as the requests of a service do.

use anyhow::{Result, ensure};
use http::uri::PathAndQuery;
use postern_rpc::crypto::{Context, EncryptRequest, crypto_service_client::CryptoServiceClient};
use tonic::{Request, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;
use uuid::Uuid;

use super::{Bench, Figures, REQUESTS, Row, Target};
use crate::{
    client::{Caller, Sample},
    stage::{empty, postern::Bearer},
};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "crypto.unary.c1",
        what: "Encrypt, 1 caller, against an empty RPC",
        unit: REQUESTS,
        target: Target::AtLeast(0.85),
        measure: |bench| Box::pin(against_empty(bench, 1)),
    },
    Row {
        id: "crypto.unary.c16",
        what: "Encrypt, 16 callers, against an empty RPC",
        unit: REQUESTS,
        target: Target::AtLeast(0.85),
        measure: |bench| Box::pin(against_empty(bench, 16)),
    },
    Row {
        id: "crypto.unary.c64",
        what: "Encrypt, 64 callers, against an empty RPC",
        unit: REQUESTS,
        target: Target::AtLeast(0.85),
        measure: |bench| Box::pin(against_empty(bench, 64)),
    },
];

async fn against_empty(bench: &Bench, callers: usize) -> Result<Figures> {
    let postern = bench.stage.postern().await?;
    let client = CryptoServiceClient::new(postern.crypto_channel()?);
    let ours = (0..callers).map(|_| Encrypt { client: client.clone(), bearer: postern.bearer().clone() });
    let channel = bench.stage.empty().await?.channel()?;
    let empty = (0..callers).map(|_| Empty(Grpc::new(channel.clone())));
    bench.pace.compare(ours.collect(), Ok(empty.collect()), Sample::rate).await
}

struct Encrypt {
    client: CryptoServiceClient<Channel>,
    bearer: Bearer,
}

impl Caller for Encrypt {
    async fn call(&mut self) -> Result<()> {
        let context = Context {
            secret_id: Uuid::nil().as_bytes().to_vec(),
            kind: "postgres".to_owned(),
            endpoint_digest: vec![7; 32],
        };
        let request =
            EncryptRequest { context: Some(context), plaintext: b"a password of 24 letters".to_vec() };
        let sealed = self.client.encrypt(self.bearer.authorize(request)).await?.into_inner().sealed;
        ensure!(sealed.starts_with(b"PSL1"), "the answer is no seal");
        Ok(())
    }
}

struct Empty(Grpc<Channel>);

impl Caller for Empty {
    async fn call(&mut self) -> Result<()> {
        self.0.ready().await?;
        let path = PathAndQuery::from_static(empty::METHOD);
        self.0.unary(Request::new(()), path, ProstCodec::<(), ()>::default()).await?;
        Ok(())
    }
}
