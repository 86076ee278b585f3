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

/// Opens one seal, alone or as an item of a batch.
pub(super) async fn open(
    ring: &Arc<RingHolder>,
    owner: OwnerId,
    context: Option<Context>,
    sealed: &[u8],
) -> Result<Secret, Problem> {
    let context = context::parse(context, owner)?;
    ring.open(&context, sealed).await.map_err(|_| seal_broken(KeyRing::key_of(sealed), &context))
}

/// Also of a rewrap. The caller learns nothing of the cause; the log has what an operator needs to look for the row.
pub(super) fn seal_broken(key: Option<KeyId>, context: &SealContext) -> Problem {
    // A seal that does not open is a foreign, swapped or damaged row, or a lost key: an operator should look.
    let key = key.map(|key| key.to_string()).unwrap_or_default();
    tracing::warn!(key, owner = %context.owner, secret = %context.secret, "a seal did not open");
    Problem::new(Reason::SealBroken, "The stored secret cannot be opened.")
        .hint("Save the connection again with its password or key.")
}
