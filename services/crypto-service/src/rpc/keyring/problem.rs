//! Maps errors of the ring to errors for operators. Their texts are fixed and safe to show.

use postern_envelope::KeyId;
use postern_keyring::{ChangeError, RingFileError};
use postern_rpc::{Problem, Reason};

use crate::live_ring::NotReady;

/// Why a change was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The state of the ring does not allow it.
    Ring(ChangeError),
    /// The state of the replicas does not allow it.
    Replicas(NotReady),
    /// The seals that would be lost were not counted.
    SealsUncounted(KeyId),
    /// Seals would be lost.
    SealsRemain {
        /// The key.
        key: KeyId,
        /// Their number, as counted by the caller.
        remaining: i64,
    },
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        Self::Ring(error)
    }
}

impl From<NotReady> for Refusal {
    fn from(error: NotReady) -> Self {
        Self::Replicas(error)
    }
}

pub(super) fn of(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Ring(error) => of_ring(error),
        Refusal::Replicas(error) => of_replicas(&error),
        Refusal::SealsUncounted(key) => seals_uncounted(key),
        Refusal::SealsRemain { key, remaining } => seals_remain(key, remaining),
    }
}

fn of_replicas(error: &NotReady) -> Problem {
    match error {
        NotReady::Lacking { .. } => Problem::new(Reason::ReplicaNotReady, error.to_string())
            .hint("Replicas load new keys within seconds. If one does not, see its log."),
        NotReady::Behind { .. } | NotReady::Holding { .. } => {
            Problem::new(Reason::ReplicaNotReady, error.to_string())
                .hint("Replicas load changes within seconds; try again. If one does not, see its log.")
        }
        NotReady::Unknown(_) => Problem::new(Reason::KeyringInaccessible, error.to_string()),
    }
}

fn seals_uncounted(key: KeyId) -> Problem {
    let message = format!("the seals under key {key} must be counted before it is destroyed");
    Problem::field("remaining_seals", message).hint("Count them in the control database, or set allow_loss.")
}

fn seals_remain(key: KeyId, remaining: i64) -> Problem {
    let message = format!("{remaining} seals under key {key} would be lost");
    Problem::new(Reason::SealsRemain, message).hint(
        "Enable the key and rewrap them first. With allow_loss, their owners must save those secrets again.",
    )
}

fn of_ring(error: ChangeError) -> Problem {
    let reason = match error {
        ChangeError::Stale { .. } => Reason::VersionStale,
        ChangeError::UnknownKey(_) => Reason::KeyNotFound,
        ChangeError::WrongState { .. } | ChangeError::Full => Reason::KeyState,
        ChangeError::Ring(error) => reason_of(error),
    };
    Problem::new(reason, error.to_string())
}

/// Grouped by what an operator has to do.
fn reason_of(error: RingFileError) -> Reason {
    use RingFileError::{
        Busy, Checksum, DuplicateId, Entropy, Exists, Forked, Io, Malformed, Missing, NoPrimary, NotDurable,
        Older, RootDenied, RootKind, RootUnavailable, SeveralPrimaries, Version, WrongRoot,
    };
    match error {
        Missing | Malformed | Version(_) | Checksum | NoPrimary | SeveralPrimaries | DuplicateId(_) => {
            Reason::KeyringBroken
        }
        Older { .. } | Forked { .. } => Reason::KeyringForked,
        Exists | Io(_) => Reason::KeyringInaccessible,
        Busy => Reason::KeyringBusy,
        RootKind | WrongRoot(_) => Reason::RootMismatch,
        RootDenied => Reason::RootDenied,
        RootUnavailable => Reason::RootUnavailable,
        // The change may have been made, and an operator has to check.
        Entropy(_) | NotDurable(_) => Reason::Internal,
    }
}

/// Parses the key id of a request. There is no key 0.
pub(super) fn key(id: u32) -> Result<KeyId, Problem> {
    KeyId::new(id).ok_or_else(|| Problem::new(Reason::KeyNotFound, "the key ring has no key 0"))
}
