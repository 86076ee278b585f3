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
    own.change(request.expected_revision, |change| {
        if change.ring().state(key) == Some(KeyState::Disabled) && !request.allow_loss {
            match request.remaining_seals {
                Some(0) => own.reporter.require_unloaded(key)?,
                Some(remaining) => return Err(Refusal::SealsRemain { key, remaining }),
                None => return Err(Refusal::SealsUncounted(key)),
            }
        }
        Ok(((), change.destroy(key)?))
    })?;
    tracing::warn!(%key, lost_seals = request.remaining_seals, "an operator destroyed a key");
    Ok(DestroyKeyResponse { keyring: Some(view::keyring(own)) })
}
