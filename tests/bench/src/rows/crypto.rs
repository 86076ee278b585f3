//! The cost of sealing and opening on top of a call: Encrypt and Decrypt of 128 bytes, compared with an empty RPC that
//! is served the same way, over mutual TLS. The callers share one channel, as the requests of a service do.

use anyhow::{Result, ensure};
use http::uri::PathAndQuery;
use postern_chassis::mtls::CryptoChannel;
use postern_rpc::{
    codec::MessageCodec,
    crypto::{Context, DecryptRequest, EncryptRequest, crypto_service_client::CryptoServiceClient},
};
use tonic::{Request, client::Grpc};

use super::{Bench, Figures, REQUESTS, Row, Target};
use crate::{
    client::{Caller, Sample},
    stage::{empty, postern::Bearer},
};

/// Minimum shares of the empty RPC's rate, for 1, 16 and 64 callers.
const TARGETS: [Target; 3] = [Target::AtLeast(0.75), Target::AtLeast(0.8), Target::AtLeast(0.65)];

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "crypto.unary.c1",
        what: "Encrypt, 1 caller, 1 owner, vs. an empty RPC",
        unit: REQUESTS,
        target: TARGETS[0],
        measure: |bench| Box::pin(encrypting(bench, 1)),
    },
    Row {
        id: "crypto.unary.c16",
        what: "Encrypt, 16 callers, 1 owner, vs. an empty RPC",
        unit: REQUESTS,
        target: TARGETS[1],
        measure: |bench| Box::pin(encrypting(bench, 16)),
    },
    Row {
        id: "crypto.unary.c64",
        what: "Encrypt, 64 callers, 1 owner, vs. an empty RPC",
        unit: REQUESTS,
        target: TARGETS[2],
        measure: |bench| Box::pin(encrypting(bench, 64)),
    },
    Row {
        id: "crypto.decrypt.c1",
        what: "Decrypt, 1 caller, 1 owner, vs. an empty RPC",
        unit: REQUESTS,
        target: TARGETS[0],
        measure: |bench| Box::pin(decrypting(bench, 1)),
    },
    Row {
        id: "crypto.decrypt.c16",
        what: "Decrypt, 16 callers, 1 owner, vs. an empty RPC",
        unit: REQUESTS,
        target: TARGETS[1],
        measure: |bench| Box::pin(decrypting(bench, 16)),
    },
    Row {
        id: "crypto.decrypt.c64",
        what: "Decrypt, 64 callers, 1 owner, vs. an empty RPC",
        unit: REQUESTS,
        target: TARGETS[2],
        measure: |bench| Box::pin(decrypting(bench, 64)),
    },
];

/// The secret: as long as a connection string with a password.
pub(super) const SECRET: [u8; 128] = [b'x'; 128];

/// The context that the seal is bound to.
pub(super) fn context() -> Context {
    Context { secret_id: vec![3; 16], kind: "postgres".to_owned(), endpoint_digest: vec![7; 32] }
}

async fn encrypting(bench: &Bench, callers: usize) -> Result<Figures> {
    let ours = encrypt(bench, callers).await?;
    bench.pace.compare(ours, Ok(empty(bench, callers).await?), Sample::rate).await
}

async fn decrypting(bench: &Bench, callers: usize) -> Result<Figures> {
    let ours = decrypt(bench, callers).await?;
    bench.pace.compare(ours, Ok(empty(bench, callers).await?), Sample::rate).await
}

/// Callers of Encrypt, as connection-service.
pub(super) async fn encrypt(bench: &Bench, callers: usize) -> Result<Vec<Encrypt>> {
    let postern = bench.stage.postern().await?;
    let client = CryptoServiceClient::new(postern.crypto_channel("connection-service")?);
    let encrypt = Encrypt { client, bearer: postern.bearer().clone() };
    Ok(vec![encrypt; callers])
}

/// Callers of Decrypt, as proxy-service, with a seal that belongs to their user.
async fn decrypt(bench: &Bench, callers: usize) -> Result<Vec<Decrypt>> {
    let sealed = encrypt(bench, 1).await?[0].encrypt().await?;
    let postern = bench.stage.postern().await?;
    let client = CryptoServiceClient::new(postern.crypto_channel("proxy-service")?);
    let decrypt = Decrypt { client, bearer: postern.bearer().clone(), sealed };
    Ok(vec![decrypt; callers])
}

/// Callers of the empty RPC.
pub(super) async fn empty(bench: &Bench, callers: usize) -> Result<Vec<Empty>> {
    let channel = bench.stage.empty().await?.channel()?;
    Ok(vec![Empty(Grpc::new(channel)); callers])
}

#[derive(Clone)]
pub(super) struct Encrypt {
    client: CryptoServiceClient<CryptoChannel>,
    bearer: Bearer,
}

impl Encrypt {
    async fn encrypt(&mut self) -> Result<Vec<u8>> {
        let request = EncryptRequest { context: Some(context()), plaintext: SECRET.to_vec() };
        Ok(self.client.encrypt(self.bearer.authorize(request)).await?.into_inner().sealed)
    }
}

impl Caller for Encrypt {
    async fn call(&mut self) -> Result<()> {
        ensure!(self.encrypt().await?.starts_with(b"PSL1"), "the response is not a seal");
        Ok(())
    }
}

#[derive(Clone)]
struct Decrypt {
    client: CryptoServiceClient<CryptoChannel>,
    bearer: Bearer,
    sealed: Vec<u8>,
}

impl Caller for Decrypt {
    async fn call(&mut self) -> Result<()> {
        let request = DecryptRequest { context: Some(context()), sealed: self.sealed.clone() };
        let opened = self.client.decrypt(self.bearer.authorize(request)).await?.into_inner();
        ensure!(opened.plaintext == SECRET, "the response is a different secret");
        Ok(())
    }
}

#[derive(Clone)]
pub(super) struct Empty(Grpc<CryptoChannel>);

impl Caller for Empty {
    async fn call(&mut self) -> Result<()> {
        self.0.ready().await.map_err(anyhow::Error::from_boxed)?;
        let path = PathAndQuery::from_static(empty::METHOD);
        self.0.unary(Request::new(()), path, MessageCodec::<(), ()>::default()).await?;
        Ok(())
    }
}
