//! The RPCs, one a file.

mod decrypt;
mod encrypt;

use std::sync::Arc;

use postern_chassis::signed_in;
use postern_envelope::KeyRing;
use postern_rpc::crypto::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, crypto_service_server::CryptoService,
};
use tonic::{Request, Response, Status};

/// `postern.crypto.v1.CryptoService` over a key ring.
pub(crate) struct Crypto {
    ring: Arc<KeyRing>,
}

impl Crypto {
    pub(crate) fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring }
    }
}

#[tonic::async_trait]
impl CryptoService for Crypto {
    async fn encrypt(&self, request: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let owner = signed_in(&request)?.principal.owner();
        Ok(Response::new(encrypt::encrypt(&self.ring, owner, request.into_inner())?))
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let owner = signed_in(&request)?.principal.owner();
        Ok(Response::new(decrypt::decrypt(&self.ring, owner, request.into_inner())?))
    }
}
