//! `Encrypt`: seals a secret under the primary key.

use postern_domain::{OwnerId, Secret, limits::SECRET_BYTES};
use postern_envelope::{KeyRing, SealError, SystemEntropy};
use postern_rpc::{
    Problem, Reason,
    crypto::{EncryptRequest, EncryptResponse},
};

use crate::context;

pub(super) fn encrypt(
    ring: &KeyRing,
    owner: OwnerId,
    request: EncryptRequest,
) -> Result<EncryptResponse, Problem> {
    let plaintext = Secret::new(request.plaintext);
    let context = context::parse(request.context, owner)?;
    let sealed = ring.seal(&context, &plaintext, &SystemEntropy).map_err(|error| match error {
        SealError::Empty => Problem::field("plaintext", "plaintext is empty"),
        SealError::TooLong => {
            Problem::new(Reason::PlaintextTooLarge, format!("A secret has at most {SECRET_BYTES} bytes."))
        }
        SealError::Entropy(_) => {
            tracing::error!("the system gives no randomness");
            Problem::internal()
        }
    })?;
    Ok(EncryptResponse { sealed })
}
