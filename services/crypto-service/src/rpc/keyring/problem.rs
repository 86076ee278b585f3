//! From what went wrong with the ring to what an operator is told. The texts of these errors are ours and fixed.

use postern_envelope::{ChangeError, KeyId};
use postern_rpc::{Problem, Reason};

pub(super) fn of(error: ChangeError) -> Problem {
    let reason = match error {
        ChangeError::Stale { .. } => Reason::VersionStale,
        ChangeError::UnknownKey(_) => Reason::KeyNotFound,
        ChangeError::WrongState { .. } | ChangeError::Full => Reason::KeyState,
        ChangeError::Ring(_) => Reason::DependencyUnavailable,
    };
    Problem::new(reason, error.to_string())
}

/// The key that a request names. There is no key 0.
pub(super) fn key(id: u32) -> Result<KeyId, Problem> {
    KeyId::new(id).ok_or_else(|| Problem::new(Reason::KeyNotFound, "the key ring has no key 0"))
}
