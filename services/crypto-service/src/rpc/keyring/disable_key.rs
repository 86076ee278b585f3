//! `DisableKey`: disables a key.

use postern_envelope::KeyState;
use postern_rpc::{
    Problem,
    crypto::{DisableKeyRequest, DisableKeyResponse},
};

use super::{Keyring, problem, state_word, view};

pub(super) fn disable_key(
    own: &Keyring,
    request: &DisableKeyRequest,
    operator: &str,
) -> Result<DisableKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    let (before, after) = own.change(request.expected_revision, |change| {
        // A replica that has not loaded the promotion yet still seals under this key.
        if change.ring().state(key) == Some(KeyState::Active) {
            own.reporter.require_current(change.ring().revision())?;
        }
        let before = state_word(change.ring(), key);
        let ring = change.disable(key)?;
        Ok(((before, state_word(&ring, key)), ring))
    })?;
    tracing::info!(operator, %key, before, after, "an operator disabled a key");
    Ok(DisableKeyResponse { keyring: Some(view::keyring(own)) })
}
