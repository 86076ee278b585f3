//! `Encrypt`: seals a secret under the primary key.

use postern_domain::{OwnerId, Secret, limits::SECRET_BYTES};
use postern_envelope::SealError;
use postern_rpc::{
    Problem, Reason,
    crypto::{Context, EncryptRequest, EncryptResponse},
};

use crate::{context, live_ring::RingHolder};

pub(super) fn encrypt(
    ring: &RingHolder,
    owner: OwnerId,
    request: EncryptRequest,
) -> Result<EncryptResponse, Problem> {
    let plaintext = Secret::new(request.plaintext);
    Ok(EncryptResponse { sealed: seal(ring, owner, request.context, &plaintext)? })
}

/// Seals one secret, from a unary call or as an item of a batch.
pub(super) fn seal(
    ring: &RingHolder,
    owner: OwnerId,
    context: Option<Context>,
    plaintext: &Secret,
) -> Result<Vec<u8>, Problem> {
    let context = context::parse(context, owner)?;
    ring.seal(&context, plaintext).map_err(|error| match error {
        SealError::Empty => Problem::field("plaintext", "plaintext is empty"),
        SealError::TooLong => too_large(),
        SealError::Entropy(_) => no_randomness(),
    })
}

/// Also used for requests that are too long to be read.
pub(crate) fn too_large() -> Problem {
    Problem::new(Reason::PlaintextTooLarge, format!("A secret has at most {SECRET_BYTES} bytes."))
}

/// Also used for rewraps.
pub(super) fn no_randomness() -> Problem {
    Problem::internal("the system provides no randomness")
}
