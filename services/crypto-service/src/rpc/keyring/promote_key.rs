//! `PromoteKey`: makes a staged key the one that seals, once every replica has it.

use postern_envelope::{KeyId, KeyState};
use postern_rpc::{
    Problem, Reason,
    crypto::{PromoteKeyRequest, PromoteKeyResponse},
};

use super::{Keyring, problem, view};

pub(super) fn promote_key(own: &Keyring, request: &PromoteKeyRequest) -> Result<PromoteKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    // Another replica may have answered the staging.
    let _ = own.ring.reload();
    if own
        .ring
        .with_ring(|ring| ring.keys().iter().any(|info| info.id == key && info.state == KeyState::Staged))
    {
        require_ready(own, key)?;
    }
    own.change(request.expected_revision, |editor, base| editor.promote(key, base).map(|ring| ((), ring)))?;
    tracing::info!(%key, "an operator promoted a key");
    Ok(PromoteKeyResponse { keyring: Some(view::keyring(own)) })
}

/// Every live replica has loaded the key: from the next moment on, seals under it may reach any of them.
fn require_ready(own: &Keyring, key: KeyId) -> Result<(), Problem> {
    let reports = own.reporter.all().map_err(|error| {
        tracing::error!(kind = %error.kind(), "the reports of the replicas cannot be read");
        Problem::new(Reason::DependencyUnavailable, "the reports of the replicas cannot be read")
    })?;
    let now = own.ring.now();
    let lacks = |report: &&crate::keyring::Report| report.is_live(now) && !report.loaded.contains(&key);
    let others = reports.iter().filter(|report| report.name != *own.reporter.name());
    let missing: Vec<&str> = others.filter(lacks).map(|report| report.name.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("key {key} is not loaded yet by: {}", missing.join(", "));
    let hint = "Replicas look for new keys all the time. If one does not load it, its log says why.";
    Err(Problem::new(Reason::ReplicaNotReady, message).hint(hint))
}
