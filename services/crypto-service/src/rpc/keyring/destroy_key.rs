//! `DestroyKey`: deletes a key for good.

use postern_envelope::{Base, ChangeError, KeyId, KeyRing, KeyState, RingEditor};
use postern_rpc::{
    Problem, Reason,
    crypto::{DestroyKeyRequest, DestroyKeyResponse},
};

use super::{Keyring, problem, view};

pub(super) fn destroy_key(own: &Keyring, request: &DestroyKeyRequest) -> Result<DestroyKeyResponse, Problem> {
    let key = problem::key(request.key_id)?;
    let remaining = request.remaining_seals;
    if remaining != 0 && !request.allow_loss {
        require_disabled(own, key)?;
        let message = format!("{remaining} seals under key {key} remain, and would be lost");
        return Err(Problem::new(Reason::SealsRemain, message)
            .hint("Enable the key and rewrap them first; or allow the loss, and their owners must save those secrets again."));
    }
    own.change(request.expected_revision, |editor, base| destroy(editor, base, key))?;
    tracing::warn!(%key, lost_seals = remaining, "an operator destroyed a key");
    Ok(DestroyKeyResponse { keyring: Some(view::keyring(own)) })
}

fn destroy(editor: &RingEditor<'_>, base: Base<'_>, key: KeyId) -> Result<((), KeyRing), ChangeError> {
    editor.destroy(key, base).map(|ring| ((), ring))
}

/// That the key is not disabled is told first: it is the step before.
fn require_disabled(own: &Keyring, id: KeyId) -> Result<(), Problem> {
    let _ = own.ring.reload();
    let state =
        own.ring.with_ring(|ring| ring.keys().iter().find(|info| info.id == id).map(|info| info.state));
    match state {
        Some(KeyState::Disabled) => Ok(()),
        Some(found) => Err(problem::of(ChangeError::WrongState { id, found, wanted: "disabled" })),
        None => Err(problem::of(ChangeError::UnknownKey(id))),
    }
}
