//! `DestroyKey`: deletes a key for good.

use postern_envelope::KeyState;
use postern_rpc::{
    Problem,
    crypto::{DestroyKeyRequest, DestroyKeyResponse},
};

use super::{
    Keyring,
    problem::{self, Refusal},
    view,
};

pub(super) fn destroy_key(own: &Keyring, request: &DestroyKeyRequest) -> Result<DestroyKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    let remaining = request.remaining_seals;
    own.change(request.expected_revision, |change| {
        if remaining != 0 && !request.allow_loss && change.ring().state(key) == Some(KeyState::Disabled) {
            return Err(Refusal::SealsRemain { key, remaining });
        }
        Ok(((), change.destroy(key)?))
    })?;
    tracing::warn!(%key, lost_seals = remaining, "an operator destroyed a key");
    Ok(DestroyKeyResponse { keyring: Some(view::keyring(own)) })
}
