//! `postern.crypto.v1.KeyringService`: the RPCs that manage the key ring, one per file.

mod destroy_key;
mod disable_key;
mod enable_key;
mod get_keyring;
mod problem;
mod promote_key;
mod stage_key;
mod view;

use std::sync::Arc;

use postern_chassis::mtls::PeerIdentity;
use postern_envelope::{KeyId, KeyState};
use postern_keyring::{LoadedRing, RingChange};
use postern_rpc::{
    Problem,
    crypto::{
        DestroyKeyRequest, DestroyKeyResponse, DisableKeyRequest, DisableKeyResponse, EnableKeyRequest,
        EnableKeyResponse, GetKeyringRequest, GetKeyringResponse, PromoteKeyRequest, PromoteKeyResponse,
        StageKeyRequest, StageKeyResponse, keyring_service_server::KeyringService,
    },
};
use tonic::{Request, Response, Status};
use tracing::Span;

use crate::live_ring::{Reporter, RingHolder};
use problem::Refusal;

/// The ring of this replica, and the other replicas' reports about theirs.
#[derive(Clone)]
pub(crate) struct Keyring {
    ring: Arc<RingHolder>,
    reporter: Arc<Reporter>,
}

impl Keyring {
    pub(crate) fn new(ring: Arc<RingHolder>, reporter: Arc<Reporter>) -> Self {
        Self { ring, reporter }
    }

    /// Runs work that touches files or the root on a thread that may block. What it logs stays in the call's span.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let (own, span) = (self.clone(), Span::current());
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&own))).await;
        Ok(Response::new(done.map_err(|_| Problem::internal("the task panicked"))??))
    }

    /// Changes the ring, and publishes this replica's report at once.
    fn change<T>(
        &self,
        expected: Option<i64>,
        change: impl FnOnce(RingChange<'_>) -> Result<(T, LoadedRing), Refusal>,
    ) -> Result<T, Problem> {
        // Revisions are never negative and never reach u64::MAX, so a negative number matches none.
        let expected = expected.map(|revision| u64::try_from(revision).unwrap_or(u64::MAX));
        let made = self.ring.change(expected, change).map_err(problem::of)?;
        if let Err(error) = self.reporter.publish() {
            tracing::warn!(kind = %error.kind(), "the key ring was changed, but this replica could not report it yet");
        }
        Ok(made)
    }
}

/// The operator's certificate, for the log. Several people can be operators, each with a certificate of their own.
fn operator<T>(request: &Request<T>) -> String {
    let peer = request.extensions().get::<PeerIdentity>();
    peer.map_or_else(|| "unknown".to_owned(), |peer| peer.certificate().to_owned())
}

/// The state of a key for the log; `none` if the ring does not contain it.
fn state_word(ring: &LoadedRing, key: KeyId) -> &'static str {
    ring.state(key).map_or("none", KeyState::as_str)
}

#[tonic::async_trait]
impl KeyringService for Keyring {
    async fn get_keyring(
        &self,
        _: Request<GetKeyringRequest>,
    ) -> Result<Response<GetKeyringResponse>, Status> {
        get_keyring::get_keyring(self).await
    }

    async fn stage_key(
        &self,
        request: Request<StageKeyRequest>,
    ) -> Result<Response<StageKeyResponse>, Status> {
        let operator = operator(&request);
        self.blocking(move |own| stage_key::stage_key(own, request.get_ref(), &operator)).await
    }

    async fn promote_key(
        &self,
        request: Request<PromoteKeyRequest>,
    ) -> Result<Response<PromoteKeyResponse>, Status> {
        let operator = operator(&request);
        self.blocking(move |own| promote_key::promote_key(own, request.get_ref(), &operator)).await
    }

    async fn disable_key(
        &self,
        request: Request<DisableKeyRequest>,
    ) -> Result<Response<DisableKeyResponse>, Status> {
        let operator = operator(&request);
        self.blocking(move |own| disable_key::disable_key(own, request.get_ref(), &operator)).await
    }

    async fn enable_key(
        &self,
        request: Request<EnableKeyRequest>,
    ) -> Result<Response<EnableKeyResponse>, Status> {
        let operator = operator(&request);
        self.blocking(move |own| enable_key::enable_key(own, request.get_ref(), &operator)).await
    }

    async fn destroy_key(
        &self,
        request: Request<DestroyKeyRequest>,
    ) -> Result<Response<DestroyKeyResponse>, Status> {
        let operator = operator(&request);
        self.blocking(move |own| destroy_key::destroy_key(own, request.get_ref(), &operator)).await
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
