//! crypto-service, as the job uses it: seals for seals.

use std::time::Duration;

use postern_rpc::crypto::{
    BatchRewrapRequest, Context, RewrapItem, RewrapResult, crypto_service_client::CryptoServiceClient,
    rewrap_result::Outcome,
};
use postern_store::{Place, StoredSeal};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, transport::Channel};

use crate::RewrapError;

/// Bytes of the longest answer: 100 seals of 64 KiB, and room for what is around them.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// How long the job waits for a crypto-service that does not answer: a rolling restart is no reason to give up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Replaces seals.
#[derive(Clone)]
pub(crate) struct Rewrapper(CryptoServiceClient<Channel>);

/// A new seal, or the reason why there is none.
pub(crate) type Rewrapped = Result<Vec<u8>, String>;

impl Rewrapper {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(CryptoServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES))
    }

    /// One result for each seal, in their order.
    pub(crate) async fn rewrap(&self, seals: &[(Place, StoredSeal)]) -> Result<Vec<Rewrapped>, RewrapError> {
        let request = BatchRewrapRequest { items: seals.iter().map(item).collect() };
        let results = self.call(request).await?;
        let fits = results.len() == seals.len()
            && results.iter().zip(seals).all(|(result, (place, _))| result.reference == reference(place));
        if !fits {
            return Err(RewrapError::Answer);
        }
        results.into_iter().map(outcome).collect()
    }

    /// Calls again for as long as nobody answers. To rewrap twice does no harm.
    async fn call(&self, request: BatchRewrapRequest) -> Result<Vec<RewrapResult>, RewrapError> {
        let (start, mut pause) = (Instant::now(), Duration::from_millis(100));
        loop {
            let status = match self.0.clone().batch_rewrap(request.clone()).await {
                Ok(response) => return Ok(response.into_inner().results),
                Err(status) => status,
            };
            if !may_pass(&status) {
                return Err(RewrapError::Refused(Box::new(status)));
            }
            if start.elapsed() + pause > PATIENCE {
                return Err(RewrapError::Unavailable(Box::new(status)));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(3));
        }
    }
}

/// Cut connections show as `Unknown` or `Cancelled`, too.
fn may_pass(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled)
}

fn item((place, seal): &(Place, StoredSeal)) -> RewrapItem {
    let context = Context {
        secret_id: seal.secret.id.0.as_bytes().to_vec(),
        kind: seal.kind.as_str().to_owned(),
        endpoint_digest: seal.endpoint.0.to_vec(),
    };
    RewrapItem {
        reference: reference(place),
        owner_id: place.0.0.as_bytes().to_vec(),
        context: Some(context),
        sealed: seal.secret.sealed.clone(),
    }
}

fn reference(place: &Place) -> String {
    place.1.to_string()
}

fn outcome(result: RewrapResult) -> Result<Rewrapped, RewrapError> {
    match result.outcome {
        Some(Outcome::Sealed(sealed)) => Ok(Ok(sealed)),
        Some(Outcome::Error(error)) => Ok(Err(error.reason)),
        None => Err(RewrapError::Answer),
    }
}

#[cfg(test)]
mod tests {
    use tonic::transport::Endpoint;

    use super::*;

    /// The port is one where nobody listens: each attempt fails at once, and the waits between them are not waited for.
    #[tokio::test(start_paused = true)]
    async fn after_half_a_minute_without_an_answer_it_gives_up() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let rewrapper =
            Rewrapper::new(Endpoint::from_shared(format!("http://{port}")).unwrap().connect_lazy());
        let start = Instant::now();
        let failed = rewrapper.call(BatchRewrapRequest::default()).await;
        assert!(matches!(failed, Err(RewrapError::Unavailable(_))), "{failed:?}");
        assert!((20..=30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}
