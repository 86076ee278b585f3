//! `DisableKey`: takes a key out of use.

use postern_envelope::KeyState;
use postern_rpc::{
    Problem,
    crypto::{DisableKeyRequest, DisableKeyResponse},
};

use super::{Keyring, problem, view};

pub(super) fn disable_key(own: &Keyring, request: &DisableKeyRequest) -> Result<DisableKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    own.change(request.expected_revision, |change| {
        // One that has not heard of the promotion yet goes on sealing under this key.
        if change.ring().state(key) == Some(KeyState::Active) {
            own.reporter.require_current(change.ring().revision())?;
        }
        Ok(((), change.disable(key)?))
    })?;
    tracing::info!(%key, "an operator disabled a key");
    Ok(DisableKeyResponse { keyring: Some(view::keyring(own)) })
}
