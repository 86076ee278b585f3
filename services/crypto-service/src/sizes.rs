//! How long a request may be: one secret for most RPCs, a hundred for batches.

use std::{convert::Infallible, sync::Arc, task};

use http::Request;
use postern_domain::limits::SECRET_BYTES;
use postern_rpc::crypto::crypto_service_server::CryptoServiceServer;
use tonic::{body::Body, server::NamedService};
use tower::Service;

use crate::rpc::Crypto;

/// A secret of 64 KiB, its context and owner, and room for the encoding.
const UNARY_BYTES: usize = SECRET_BYTES + 16 * 1024;

/// A hundred items, each with a secret of 64 KiB, and a KiB for its reference and context.
const BATCH_BYTES: usize = 100 * (SECRET_BYTES + 1024);

/// The service, with a bound of its own for batches: tonic knows one for all methods of a server.
#[derive(Clone)]
pub(crate) struct Bounded {
    unary: CryptoServiceServer<Crypto>,
    batch: CryptoServiceServer<Crypto>,
}

impl Bounded {
    pub(crate) fn new(crypto: Crypto) -> Self {
        let crypto = Arc::new(crypto);
        let bounded = |bytes| CryptoServiceServer::from_arc(crypto.clone()).max_decoding_message_size(bytes);
        Self { unary: bounded(UNARY_BYTES), batch: bounded(BATCH_BYTES) }
    }
}

fn is_batch(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|method| method.starts_with("Batch"))
}

impl NamedService for Bounded {
    const NAME: &'static str = CryptoServiceServer::<Crypto>::NAME;
}

impl Service<Request<Body>> for Bounded {
    type Response = <CryptoServiceServer<Crypto> as Service<Request<Body>>>::Response;
    type Error = Infallible;
    type Future = <CryptoServiceServer<Crypto> as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let is_batch = is_batch(request.uri().path());
        if is_batch { self.batch.call(request) } else { self.unary.call(request) }
    }
}
