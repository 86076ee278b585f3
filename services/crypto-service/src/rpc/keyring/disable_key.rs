//! `DisableKey`: takes a key out of use.

use postern_rpc::{
    Problem,
    crypto::{DisableKeyRequest, DisableKeyResponse},
};

use super::{Keyring, problem, view};

pub(super) fn disable_key(own: &Keyring, request: &DisableKeyRequest) -> Result<DisableKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    own.change(request.expected_revision, |change| Ok(((), change.disable(key)?)))?;
    tracing::info!(%key, "an operator disabled a key");
    Ok(DisableKeyResponse { keyring: Some(view::keyring(own)) })
}
