//! The RPCs, one per file.

mod batch;
mod batch_decrypt;
mod batch_encrypt;
mod batch_rewrap;
mod decrypt;
mod encrypt;
mod keyring;
mod rewrap;

use std::sync::Arc;

use postern_chassis::signed_in;
use postern_rpc::{
    Problem, Reason,
    crypto::{
        BatchDecryptRequest, BatchDecryptResponse, BatchEncryptRequest, BatchEncryptResponse,
        BatchRewrapRequest, BatchRewrapResponse, DecryptRequest, DecryptResponse, EncryptRequest,
        EncryptResponse, RewrapRequest, RewrapResponse, crypto_service_server::CryptoService,
    },
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::live_ring::RingHolder;

pub(crate) use encrypt::too_large;
pub(crate) use keyring::Keyring;

/// `postern.crypto.v1.CryptoService` over a key ring.
pub(crate) struct Crypto {
    ring: Arc<RingHolder>,
    reporting: watch::Receiver<bool>,
}

impl Crypto {
    /// `reporting`: whether this replica's reports can be written; see
    /// [`Reporter::reporting`](crate::live_ring::Reporter).
    pub(crate) fn new(ring: Arc<RingHolder>, reporting: watch::Receiver<bool>) -> Self {
        Self { ring, reporting }
    }

    /// The ring, for sealing. An error while this replica cannot report: the others do not wait for it then, so the key
    /// that it uses as the primary one may be destroyed, and with it every seal under it.
    fn sealing(&self) -> Result<&Arc<RingHolder>, Problem> {
        if *self.reporting.borrow() {
            return Ok(&self.ring);
        }
        let message =
            "This replica of crypto-service does not seal, because it cannot report to the other replicas.";
        Err(Problem::new(Reason::DependencyUnavailable, message).hint("Try again in a minute."))
    }
}

#[tonic::async_trait]
impl CryptoService for Crypto {
    async fn encrypt(&self, request: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let owner = signed_in(&request)?.principal.owner();
        Ok(Response::new(encrypt::encrypt(self.sealing()?, owner, request.into_inner())?))
    }

    async fn batch_encrypt(
        &self,
        request: Request<BatchEncryptRequest>,
    ) -> Result<Response<BatchEncryptResponse>, Status> {
        let owner = signed_in(&request)?.principal.owner();
        Ok(Response::new(batch_encrypt::batch_encrypt(self.sealing()?, owner, request.into_inner()).await?))
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let owner = signed_in(&request)?.principal.owner();
        Ok(Response::new(decrypt::decrypt(&self.ring, owner, request.into_inner()).await?))
    }

    async fn batch_decrypt(
        &self,
        request: Request<BatchDecryptRequest>,
    ) -> Result<Response<BatchDecryptResponse>, Status> {
        let owner = signed_in(&request)?.principal.owner();
        Ok(Response::new(batch_decrypt::batch_decrypt(&self.ring, owner, request.into_inner()).await?))
    }

    async fn rewrap(&self, request: Request<RewrapRequest>) -> Result<Response<RewrapResponse>, Status> {
        Ok(Response::new(rewrap::rewrap(self.sealing()?, request.into_inner()).await?))
    }

    async fn batch_rewrap(
        &self,
        request: Request<BatchRewrapRequest>,
    ) -> Result<Response<BatchRewrapResponse>, Status> {
        Ok(Response::new(batch_rewrap::batch_rewrap(self.sealing()?, request.into_inner()).await?))
    }
}

#[cfg(test)]
#[path = "rpc_tests.rs"]
mod tests;
