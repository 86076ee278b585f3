//! `Decrypt`: opens a seal of the caller.

use std::sync::Arc;

use postern_domain::{OwnerId, Secret};
use postern_envelope::{KeyId, KeyRing, SealContext};
use postern_rpc::{
    Problem, Reason,
    crypto::{Context, DecryptRequest, DecryptResponse},
};

use crate::{context, live_ring::RingHolder};

pub(super) async fn decrypt(
    ring: &Arc<RingHolder>,
    owner: OwnerId,
    request: DecryptRequest,
) -> Result<DecryptResponse, Problem> {
    let secret = open(ring, owner, request.context, &request.sealed).await?;
    Ok(DecryptResponse { plaintext: secret.into_exposed() })
}

/// Opens one seal, from a unary call or as an item of a batch.
pub(super) async fn open(
    ring: &Arc<RingHolder>,
    owner: OwnerId,
    context: Option<Context>,
    sealed: &[u8],
) -> Result<Secret, Problem> {
    let context = context::parse(context, owner)?;
    ring.open(&context, sealed).await.map_err(|_| seal_broken(KeyRing::key_of(sealed), &context))
}

/// Also used for rewraps. The caller does not learn the cause; the log has what an operator needs to find the row.
pub(super) fn seal_broken(key: Option<KeyId>, context: &SealContext) -> Problem {
    // Logged, because the row may have been swapped or damaged, or a key lost: an operator should investigate.
    let key = key.map(|key| key.to_string()).unwrap_or_default();
    tracing::warn!(key, owner = %context.owner, secret = %context.secret, "a seal could not be opened");
    Problem::new(Reason::SealBroken, "The stored secret cannot be opened.")
        .hint("Save the connection again with its password or key.")
}
