//! `Rewrap`: re-encrypts a seal under the primary key.

use std::sync::Arc;

use postern_domain::OwnerId;
use postern_envelope::{KeyRing, RewrapError};
use postern_rpc::{
    Problem,
    crypto::{Context, RewrapRequest, RewrapResponse},
};
use uuid::Uuid;

use super::{decrypt::seal_broken, encrypt::no_randomness};
use crate::{context, live_ring::RingHolder};

pub(super) async fn rewrap(
    ring: &Arc<RingHolder>,
    request: RewrapRequest,
) -> Result<RewrapResponse, Problem> {
    let RewrapRequest { owner_id, context, sealed } = request;
    Ok(RewrapResponse { sealed: replace(ring, &owner_id, context, sealed).await? })
}

/// Rewraps one seal, from a unary call or as an item of a batch. The request names the owner, which is safe: the result
/// reveals nothing of the secret, and can only be opened for that owner.
pub(super) async fn replace(
    ring: &Arc<RingHolder>,
    owner: &[u8],
    context: Option<Context>,
    sealed: Vec<u8>,
) -> Result<Vec<u8>, Problem> {
    let owner =
        Uuid::from_slice(owner).map_err(|_| Problem::field("owner_id", "owner_id is a UUID of 16 bytes"))?;
    let context = context::parse(context, OwnerId(owner))?;
    let key = KeyRing::key_of(&sealed);
    ring.rewrap(&context, sealed).await.map_err(|error| match error {
        RewrapError::Open(_) => seal_broken(key, &context),
        RewrapError::Entropy(_) => no_randomness(),
    })
}
