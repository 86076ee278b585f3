//! Maximum sizes of requests: one secret for most RPCs, a hundred for batches.

use std::{convert::Infallible, sync::Arc, task};

use futures_util::{FutureExt, future::Map};
use http::{Request, Response};
use postern_domain::limits::{SEAL_BYTES, SECRET_BYTES};
use postern_rpc::{Problem, crypto::crypto_service_server::CryptoServiceServer};
use tonic::{Code, Status, body::Body, server::NamedService};
use tower::Service;

use crate::rpc::{self, Crypto};

/// A secret of 64 KiB, its context and owner, and room for the encoding.
const UNARY_BYTES: usize = SECRET_BYTES + 16 * 1024;

/// A hundred items, each with a secret of 64 KiB, and a KiB for its reference and context.
const BATCH_BYTES: usize = 100 * (SECRET_BYTES + 1024);

/// The service, with a separate limit for batches: tonic has only one limit for all methods of a server.
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

/// The response of tonic's server, and the mapped one.
type Answer = Result<Response<Body>, Infallible>;
type Told = fn(Answer) -> Answer;

/// The server for a method, and the error for a request that is too long.
fn method(path: &str) -> (bool, Told) {
    match path.rsplit('/').next() {
        Some("Encrypt") => (false, |answer| told(answer, rpc::too_large)),
        Some(method) if method.starts_with("Batch") => (true, |answer| told(answer, batch_too_long)),
        _ => (false, |answer| told(answer, seal_too_long)),
    }
}

/// tonic refuses a message over the limit with `OUT_OF_RANGE`, which Postern uses for nothing else, and without a
/// reason that a program could act on.
fn told(answer: Answer, problem: fn() -> Problem) -> Answer {
    let too_long = |answer: &Response<Body>| {
        let code = answer.headers().get("grpc-status");
        code.is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::OutOfRange)
    };
    answer.map(|answer| if too_long(&answer) { Status::from(problem()).into_http() } else { answer })
}

fn batch_too_long() -> Problem {
    let message =
        format!("a batch has at most {BATCH_BYTES} bytes, and an item one secret of {SECRET_BYTES}");
    Problem::field("items", message).hint("Send fewer or shorter items at once.")
}

fn seal_too_long() -> Problem {
    Problem::field("sealed", format!("sealed has at most {SEAL_BYTES} bytes"))
}

impl NamedService for Bounded {
    const NAME: &'static str = CryptoServiceServer::<Crypto>::NAME;
}

impl Service<Request<Body>> for Bounded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Map<<CryptoServiceServer<Crypto> as Service<Request<Body>>>::Future, Told>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (is_batch, told) = method(request.uri().path());
        let server = if is_batch { &mut self.batch } else { &mut self.unary };
        server.call(request).map(told)
    }
}

#[cfg(test)]
mod tests {
    use postern_envelope::KeyRing;

    use super::*;

    #[test]
    fn the_longest_seal_is_what_the_other_crates_take_it_for() {
        assert_eq!(KeyRing::SEALED_BYTES, SEAL_BYTES);
    }
}
