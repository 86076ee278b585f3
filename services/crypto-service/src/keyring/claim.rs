//! The right to a replica's name.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use super::ReplicaName;

/// Held for as long as the replica runs. Of two with one name, each would write over what the other has loaded, and a key
/// could be promoted that one of them lacks.
///
/// It is a lock of the system on `replicas/<name>.lock`, so that it ends with the process, however that ends.
pub(crate) struct NameClaim {
    _file: File,
}

/// Why a name is not this replica's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Another one has it.
    #[error(
        "another crypto-service runs as the replica {0:?} of this key ring; give each a name of its own: keyring.replica"
    )]
    Taken(String),
    /// The folder cannot be written, or its file system has no locks.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl NameClaim {
    /// Takes the name among the replicas that share this ring's folder.
    pub(crate) fn take(ring: &Path, name: &ReplicaName) -> Result<Self, ClaimError> {
        let folder = ring.with_file_name("replicas");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let path = folder.join(format!("{name}.lock"));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(ClaimError::Taken(name.to_string())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ReplicaName {
        name.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_name_is_one_replicas_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let ring = folder.path().join("keyring.json");
        let one = NameClaim::take(&ring, &name("one")).unwrap();
        let _two = NameClaim::take(&ring, &name("two")).unwrap();
        let refused = NameClaim::take(&ring, &name("one")).err().unwrap();
        assert!(matches!(refused, ClaimError::Taken(taken) if taken == "one"));
        drop(one);
        NameClaim::take(&ring, &name("one")).unwrap();
    }
}
