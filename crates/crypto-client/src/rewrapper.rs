//! Rewrapping seals under the primary key.

use std::time::Duration;

use postern_chassis::mtls::CryptoChannel;
use postern_domain::OwnerId;
use postern_rpc::crypto::{
    BatchRewrapRequest, RewrapItem, RewrapResult, crypto_service_client::CryptoServiceClient,
    rewrap_result::Outcome,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use crate::SealContext;

/// Maximum size of a response in bytes: 100 seals of 64 KiB, and room for their encoding.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// How long calls are retried while crypto-service is unavailable, so that a rolling restart does not end the job.
const PATIENCE: Duration = Duration::from_secs(30);

/// Rewraps seals without ever seeing the secrets.
#[derive(Clone)]
pub struct Rewrapper(CryptoServiceClient<CryptoChannel>);

/// A seal to rewrap.
pub struct Rewrap {
    /// Unique among the seals of one call, at most 64 bytes.
    pub reference: String,
    /// The owner that the seal is bound to.
    pub owner: OwnerId,
    /// The rest of the context that the seal is bound to.
    pub context: SealContext,
    /// The seal.
    pub sealed: Vec<u8>,
}

/// The new seal, or the reason for the failure.
pub type Rewrapped = Result<Vec<u8>, String>;

/// Why a whole call failed.
#[derive(Debug, thiserror::Error)]
pub enum RewrapFailed {
    /// crypto-service was unavailable for half a minute.
    #[error("crypto-service is unavailable: {}", .0.message())]
    Unavailable(Box<Status>),
    /// This caller may not rewrap, or crypto-service does not know the call.
    #[error("crypto-service refused: {}", .0.message())]
    Refused(Box<Status>),
    /// crypto-service's response does not match the request.
    #[error("crypto-service's response does not match the request; run the same release of both")]
    Answer,
}

impl Rewrapper {
    /// Over a channel with the certificate of connection-service or of an operator.
    pub fn new(channel: CryptoChannel) -> Self {
        Self(CryptoServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES))
    }

    /// One result for each of up to 100 seals, in their order.
    pub async fn rewrap(&self, seals: Vec<Rewrap>) -> Result<Vec<Rewrapped>, RewrapFailed> {
        let references: Vec<_> = seals.iter().map(|seal| seal.reference.clone()).collect();
        let results = self.call(BatchRewrapRequest { items: seals.into_iter().map(item).collect() }).await?;
        if !results.iter().map(|result| &result.reference).eq(&references) {
            return Err(RewrapFailed::Answer);
        }
        results.into_iter().map(outcome).collect()
    }

    /// Retries the call while crypto-service is unavailable. Rewrapping twice is harmless.
    async fn call(&self, request: BatchRewrapRequest) -> Result<Vec<RewrapResult>, RewrapFailed> {
        let (start, mut pause) = (Instant::now(), Duration::from_millis(100));
        loop {
            let status = match self.0.clone().batch_rewrap(request.clone()).await {
                Ok(response) => return Ok(response.into_inner().results),
                Err(status) => status,
            };
            if !may_pass(&status) {
                return Err(RewrapFailed::Refused(Box::new(status)));
            }
            if start.elapsed() + pause > PATIENCE {
                return Err(RewrapFailed::Unavailable(Box::new(status)));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(3));
        }
    }
}

/// A broken connection can also appear as `Unknown` or `Cancelled`.
fn may_pass(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled)
}

fn item(seal: Rewrap) -> RewrapItem {
    RewrapItem {
        reference: seal.reference,
        owner_id: seal.owner.0.as_bytes().to_vec(),
        context: Some(seal.context.into()),
        sealed: seal.sealed,
    }
}

fn outcome(result: RewrapResult) -> Result<Rewrapped, RewrapFailed> {
    match result.outcome {
        Some(Outcome::Sealed(sealed)) => Ok(Ok(sealed)),
        Some(Outcome::Error(error)) => Ok(Err(error.reason)),
        None => Err(RewrapFailed::Answer),
    }
}

#[cfg(test)]
mod tests {
    use postern_chassis::{
        config::{CryptoClientConfig, TlsFiles},
        mtls,
    };
    use postern_devkit::ca::{DevCa, TRUST_DOMAIN};

    use super::*;

    /// Nobody listens on the port, so each attempt fails at once; the paused clock skips the waits between them.
    #[tokio::test(start_paused = true)]
    async fn after_half_a_minute_without_an_answer_it_gives_up() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = DevCa::load_or_create(folder.path()).unwrap().service("connection-service").unwrap();
        let (certificate, key, ca) = (files.certificate, files.key, files.ca);
        let tls = TlsFiles { certificate, key, ca, trust_domain: TRUST_DOMAIN.to_owned(), namespace: None };
        let config = CryptoClientConfig { url: format!("https://{port}"), tls };
        let rewrapper = Rewrapper::new(mtls::crypto_channel(&config).unwrap());
        let start = Instant::now();
        let failed = rewrapper.call(BatchRewrapRequest::default()).await;
        assert!(matches!(failed, Err(RewrapFailed::Unavailable(_))), "{failed:?}");
        assert!((20..=30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}
