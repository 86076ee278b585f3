//! Conditions on all replicas before the ring is changed.

use std::io;

use postern_envelope::KeyId;

use super::{Peer, Reporter};

/// Why a change must wait. The ring is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    /// A replica has not loaded the key, so it could not open seals under it.
    #[error("key {key} is not loaded yet by {replicas}")]
    Lacking {
        /// The key.
        key: KeyId,
        /// Their names.
        replicas: String,
    },
    /// A replica may still seal under the previous primary key.
    #[error("revision {revision} of the key ring is not loaded yet by {replicas}")]
    Behind {
        /// The ring's revision.
        revision: u64,
        /// Their names.
        replicas: String,
    },
    /// A replica can still open seals under the key.
    #[error("key {key} is still in use by {replicas}")]
    Holding {
        /// The key.
        key: KeyId,
        /// Their names.
        replicas: String,
    },
    /// It is unknown what the replicas have loaded.
    #[error("the reports of the replicas cannot be read: {0}")]
    Unknown(io::ErrorKind),
}

impl Reporter {
    /// Checks that every live replica has loaded the key. Called under the lock of the ring file, so that it stays
    /// true: a replica that starts later finds the key in the file.
    pub(crate) fn require_loaded(&self, key: KeyId) -> Result<(), NotReady> {
        match self.names(|peer| !peer.report.loaded.contains(&key))? {
            None => Ok(()),
            Some(replicas) => Err(NotReady::Lacking { key, replicas }),
        }
    }

    /// Checks that every live replica uses this revision of the ring, and no older one.
    pub(crate) fn require_current(&self, revision: u64) -> Result<(), NotReady> {
        match self.names(|peer| peer.report.revision < revision)? {
            None => Ok(()),
            Some(replicas) => Err(NotReady::Behind { revision, replicas }),
        }
    }

    /// Checks that no live replica uses the key.
    pub(crate) fn require_unloaded(&self, key: KeyId) -> Result<(), NotReady> {
        match self.names(|peer| peer.report.loaded.contains(&key))? {
            None => Ok(()),
            Some(replicas) => Err(NotReady::Holding { key, replicas }),
        }
    }

    /// The names of the other live replicas for which `holds` is true.
    fn names(&self, holds: impl Fn(&Peer) -> bool) -> Result<Option<String>, NotReady> {
        let peers = self.all().map_err(|error| NotReady::Unknown(error.kind()))?;
        let others = peers.iter().filter(|peer| peer.live && peer.report.name != *self.name());
        let names: Vec<&str> =
            others.filter(|peer| holds(peer)).map(|peer| peer.report.name.as_str()).collect();
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }
}
