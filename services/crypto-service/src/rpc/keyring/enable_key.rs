//! `EnableKey`: makes a disabled key active.

use postern_rpc::{
    Problem,
    crypto::{EnableKeyRequest, EnableKeyResponse},
};

use super::{Keyring, problem, state_word, view};

pub(super) fn enable_key(
    own: &Keyring,
    request: &EnableKeyRequest,
    operator: &str,
) -> Result<EnableKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    let (before, after) = own.change(request.expected_revision, |change| {
        let before = state_word(change.ring(), key);
        let ring = change.enable(key)?;
        Ok(((before, state_word(&ring, key)), ring))
    })?;
    tracing::info!(operator, %key, before, after, "an operator enabled a key");
    Ok(EnableKeyResponse { keyring: Some(view::keyring(own)) })
}
