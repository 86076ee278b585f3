//! What must hold at every replica before the ring is changed.

use std::io;

use postern_envelope::KeyId;

use super::{Peer, Reporter};

/// Why a change must wait. The ring is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    /// Seals under the key could reach a replica that does not open them.
    #[error("key {key} is not loaded yet by: {replicas}")]
    Lacking {
        /// The key.
        key: KeyId,
        /// Their names.
        replicas: String,
    },
    /// Seals under a key that is no longer the primary one may still be made there.
    #[error("revision {revision} of the key ring is not loaded yet by: {replicas}")]
    Behind {
        /// The ring's revision.
        revision: u64,
        /// Their names.
        replicas: String,
    },
    /// Seals under the key still open there.
    #[error("key {key} is still in use at: {replicas}")]
    Holding {
        /// The key.
        key: KeyId,
        /// Their names.
        replicas: String,
    },
    /// Nobody knows what the replicas have loaded.
    #[error("the reports of the replicas cannot be read: {0}")]
    Unknown(io::ErrorKind),
}

impl Reporter {
    /// Every live replica has loaded the key. Asked under the lock of the ring's file, so that it stays so: a replica
    /// that starts later finds the key in the file.
    pub(crate) fn require_loaded(&self, key: KeyId) -> Result<(), NotReady> {
        match self.names(|peer| !peer.report.loaded.contains(&key))? {
            None => Ok(()),
            Some(replicas) => Err(NotReady::Lacking { key, replicas }),
        }
    }

    /// Every live replica works with this revision of the ring, and no older one.
    pub(crate) fn require_current(&self, revision: u64) -> Result<(), NotReady> {
        match self.names(|peer| peer.report.revision < revision)? {
            None => Ok(()),
            Some(replicas) => Err(NotReady::Behind { revision, replicas }),
        }
    }

    /// No live replica uses the key any more.
    pub(crate) fn require_unloaded(&self, key: KeyId) -> Result<(), NotReady> {
        match self.names(|peer| peer.report.loaded.contains(&key))? {
            None => Ok(()),
            Some(replicas) => Err(NotReady::Holding { key, replicas }),
        }
    }

    /// The other live replicas of which this holds, by name.
    fn names(&self, holds: impl Fn(&Peer) -> bool) -> Result<Option<String>, NotReady> {
        let peers = self.all().map_err(|error| NotReady::Unknown(error.kind()))?;
        let others = peers.iter().filter(|peer| peer.live && peer.report.name != *self.name());
        let names: Vec<&str> =
            others.filter(|peer| holds(peer)).map(|peer| peer.report.name.as_str()).collect();
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }
}
