//! From what went wrong with the ring to what an operator is told. The texts of these errors are ours and fixed.

use postern_envelope::KeyId;
use postern_keyring::{ChangeError, RingFileError};
use postern_rpc::{Problem, Reason};

use crate::live_ring::NotReady;

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The ring does not allow it.
    Ring(ChangeError),
    /// The replicas do not.
    Replicas(NotReady),
    /// Nobody has counted what would be lost.
    SealsUncounted(KeyId),
    /// Seals would be lost.
    SealsRemain {
        /// The key.
        key: KeyId,
        /// How many, as the caller has counted.
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
            .hint("Replicas look for new keys all the time. If one does not load it, its log says why."),
        NotReady::Behind { .. } | NotReady::Holding { .. } => {
            Problem::new(Reason::ReplicaNotReady, error.to_string()).hint(
                "Replicas follow the ring within a second: try again. If one does not, its log says why.",
            )
        }
        NotReady::Unknown(_) => Problem::new(Reason::KeyringInaccessible, error.to_string()),
    }
}

fn seals_uncounted(key: KeyId) -> Problem {
    let message = format!("the seals under key {key} are to be counted before it is destroyed");
    Problem::field("remaining_seals", message)
        .hint("Count them in the control database; or allow their loss.")
}

fn seals_remain(key: KeyId, remaining: i64) -> Problem {
    let message = format!("{remaining} seals under key {key} remain, and would be lost");
    Problem::new(Reason::SealsRemain, message).hint(
        "Enable the key and rewrap them first; or allow the loss, and their owners must save those secrets again.",
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

/// By what an operator has to do about it.
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
        // Somebody has to look: the change was made.
        Entropy(_) | NotDurable(_) => Reason::Internal,
    }
}

/// The key that a request names. There is no key 0.
pub(super) fn key(id: u32) -> Result<KeyId, Problem> {
    KeyId::new(id).ok_or_else(|| Problem::new(Reason::KeyNotFound, "the key ring has no key 0"))
}
