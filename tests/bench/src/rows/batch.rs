//! The cost of a batch on top of sealing: `BatchEncrypt` of 100 secrets of 128 bytes, compared with sealing as many in
//! this process, one after the other, with the same code. One caller on each side.

use anyhow::{Context as _, Result, ensure};
use postern_chassis::mtls::CryptoChannel;
use postern_domain::{EndpointDigest, OwnerId, Secret, SecretId, SystemClock, TenantKind};
use postern_envelope::{KeyRing, SealContext, SystemEntropy};
use postern_rpc::crypto::{
    BatchEncryptRequest, EncryptItem, crypto_service_client::CryptoServiceClient, encrypt_result::Outcome,
};
use uuid::Uuid;

use super::{
    Bench, Figures, Row, Target,
    crypto::{SECRET, context},
};
use crate::{client::Caller, stage::postern::Bearer};

pub(super) const ROWS: &[Row] = &[Row {
    id: "crypto.batch100",
    what: "BatchEncrypt of 100 secrets, 1 owner, vs. sealing in process",
    unit: "items/s",
    target: Target::AtLeast(0.4),
    measure: |bench| Box::pin(against_sealing(bench)),
}];

const ITEMS: u32 = 100;

async fn against_sealing(bench: &Bench) -> Result<Figures> {
    let postern = bench.stage.postern().await?;
    let client = CryptoServiceClient::new(postern.crypto_channel("connection-service")?);
    let ours = vec![Batch { client, bearer: postern.bearer().clone() }];
    let ring = KeyRing::generate(&SystemEntropy, &SystemClock)?;
    let other = vec![InProcess { ring }];
    bench.pace.compare(ours, Ok(other), |sample| sample.rate() * f64::from(ITEMS)).await
}

struct Batch {
    client: CryptoServiceClient<CryptoChannel>,
    bearer: Bearer,
}

impl Caller for Batch {
    async fn call(&mut self) -> Result<()> {
        let item = |number: u32| EncryptItem {
            reference: number.to_string(),
            context: Some(context()),
            plaintext: SECRET.to_vec(),
        };
        let request = BatchEncryptRequest { items: (0..ITEMS).map(item).collect() };
        let response = self.client.batch_encrypt(self.bearer.authorize(request)).await?.into_inner();
        let sealed =
            response.results.iter().filter(|result| matches!(result.outcome, Some(Outcome::Sealed(_))));
        let sealed = sealed.count();
        ensure!(sealed == ITEMS as usize, "the response has {sealed} seals");
        Ok(())
    }
}

struct InProcess {
    ring: KeyRing,
}

impl Caller for InProcess {
    async fn call(&mut self) -> Result<()> {
        let context = SealContext {
            owner: OwnerId(Uuid::nil()),
            secret: SecretId(Uuid::nil()),
            kind: TenantKind::Postgres,
            endpoint: EndpointDigest([7; 32]),
        };
        for _ in 0..ITEMS {
            let secret = Secret::new(SECRET.to_vec());
            let sealed = self.ring.seal(&context, &secret, &SystemEntropy).ok().context("not sealed")?;
            ensure!(sealed.starts_with(b"PSL1"), "this is not a seal");
        }
        Ok(())
    }
}
