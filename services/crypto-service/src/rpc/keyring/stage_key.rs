//! `StageKey`: adds a key that can open seals but is not used to seal yet.

use postern_rpc::{
    Problem,
    crypto::{StageKeyRequest, StageKeyResponse},
};

use super::{Keyring, view};

pub(super) fn stage_key(
    own: &Keyring,
    request: &StageKeyRequest,
    operator: &str,
) -> Result<StageKeyResponse, Problem> {
    let key = own.change(request.expected_revision, |change| Ok(change.stage()?))?;
    tracing::info!(operator, %key, before = "none", after = "staged", "an operator staged a key");
    Ok(StageKeyResponse { keyring: Some(view::keyring(own)), key_id: key.get() })
}
