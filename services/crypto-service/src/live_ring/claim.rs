//! The claim to a replica's name.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use postern_keyring::ReplicaName;

/// How long a replica waits for its name. Another replica may hold it for a moment to take over its counts.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held while the replica runs. Two replicas with the same name would overwrite each other's report, and a key that one
/// of them lacks could be promoted.
///
/// It is a file lock on `replicas/<name>.lock`, which ends with the process in any case.
pub(crate) struct NameClaim {
    _file: File,
    path: PathBuf,
}

/// Why a name could not be claimed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Another replica has it.
    #[error(
        "another crypto-service is running as the replica {0:?} of this key ring; set keyring.replica to a unique name"
    )]
    Taken(String),
    /// The folder is not writable, or its file system does not support locks.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl NameClaim {
    /// Claims the name among the replicas that share this ring's folder. Waits a while for it.
    pub(crate) fn take(ring: &Path, name: &ReplicaName) -> Result<Self, ClaimError> {
        let start = Instant::now();
        loop {
            match Self::take_at_once(ring, name) {
                Err(ClaimError::Taken(_)) if start.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(20));
                }
                taken => return taken,
            }
        }
    }

    /// Claims the name if no other replica has it.
    pub(crate) fn take_at_once(ring: &Path, name: &ReplicaName) -> Result<Self, ClaimError> {
        let folder = ring.with_file_name("replicas");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Self::at(folder.join(format!("{name}.lock")), name)
    }

    fn at(path: PathBuf, name: &ReplicaName) -> Result<Self, ClaimError> {
        loop {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path)? => return Ok(Self { _file: file, path }),
                // Its owner removed the file after it was opened here: this lock is on a file that no other process can
                // open.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ClaimError::Taken(name.to_string())),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// Releases the name and removes the lock file.
    pub(crate) fn give_up(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

/// Whether this open file is still the one at `path`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ReplicaName {
        name.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_name_belongs_to_one_replica_until_it_exits() {
        let folder = tempfile::tempdir().unwrap();
        let ring = folder.path().join("keyring.json");
        let one = NameClaim::take(&ring, &name("one")).unwrap();
        let _two = NameClaim::take(&ring, &name("two")).unwrap();
        let refused = NameClaim::take_at_once(&ring, &name("one")).err().unwrap();
        assert!(matches!(refused, ClaimError::Taken(taken) if taken == "one"));
        drop(one);
        NameClaim::take(&ring, &name("one")).unwrap().give_up().unwrap();
        assert!(!folder.path().join("replicas/one.lock").exists());
        NameClaim::take(&ring, &name("one")).unwrap();
    }

    #[test]
    fn a_lock_on_a_removed_file_is_not_a_claim() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.lock");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        File::create(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
    }
}
