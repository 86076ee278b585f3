//! `PromoteKey`: makes a staged key the primary key, once every replica has loaded it.

use postern_envelope::KeyState;
use postern_rpc::{
    Problem,
    crypto::{PromoteKeyRequest, PromoteKeyResponse},
};

use super::{Keyring, problem, state_word, view};

pub(super) fn promote_key(
    own: &Keyring,
    request: &PromoteKeyRequest,
    operator: &str,
) -> Result<PromoteKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    let (before, after) = own.change(request.expected_revision, |change| {
        // Any replica may receive seals under the key as soon as it is primary.
        if change.ring().state(key) == Some(KeyState::Staged) {
            own.reporter.require_loaded(key)?;
        }
        let before = state_word(change.ring(), key);
        let ring = change.promote(key)?;
        Ok(((before, state_word(&ring, key)), ring))
    })?;
    tracing::info!(operator, %key, before, after, "an operator promoted a key");
    Ok(PromoteKeyResponse { keyring: Some(view::keyring(own)) })
}
