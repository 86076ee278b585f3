//! `EnableKey`: takes a disabled key back into use.

use postern_rpc::{
    Problem,
    crypto::{EnableKeyRequest, EnableKeyResponse},
};

use super::{Keyring, problem, view};

pub(super) fn enable_key(own: &Keyring, request: &EnableKeyRequest) -> Result<EnableKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    own.change(request.expected_revision, |change| Ok(((), change.enable(key)?)))?;
    tracing::info!(%key, "an operator enabled a key");
    Ok(EnableKeyResponse { keyring: Some(view::keyring(own)) })
}
