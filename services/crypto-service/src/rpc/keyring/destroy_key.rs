//! `DestroyKey`: permanently deletes a key.

use postern_envelope::KeyState;
use postern_rpc::{
    Problem,
    crypto::{DestroyKeyRequest, DestroyKeyResponse},
};

use super::{
    Keyring,
    problem::{self, Refusal},
    state_word, view,
};

pub(super) fn destroy_key(
    own: &Keyring,
    request: &DestroyKeyRequest,
    operator: &str,
) -> Result<DestroyKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    let (before, after) = own.change(request.expected_revision, |change| {
        if change.ring().state(key) == Some(KeyState::Disabled) && !request.allow_loss {
            match request.remaining_seals {
                Some(0) => own.reporter.require_unloaded(key)?,
                Some(remaining) => return Err(Refusal::SealsRemain { key, remaining }),
                None => return Err(Refusal::SealsUncounted(key)),
            }
        }
        let before = state_word(change.ring(), key);
        let ring = change.destroy(key)?;
        Ok(((before, state_word(&ring, key)), ring))
    })?;
    tracing::warn!(operator, %key, before, after, lost_seals = request.remaining_seals, "an operator destroyed a key");
    Ok(DestroyKeyResponse { keyring: Some(view::keyring(own)) })
}
