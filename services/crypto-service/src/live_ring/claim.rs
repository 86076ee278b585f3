//! The right to a replica's name.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use postern_keyring::ReplicaName;

/// How long a replica waits for its name: one that takes over what others left may have it for a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held for as long as the replica runs. Of two with one name, each would write over what the other has loaded, and a
/// key could be promoted that one of them lacks.
///
/// It is a lock of the system on `replicas/<name>.lock`, so that it ends with the process, however that ends.
pub(crate) struct NameClaim {
    _file: File,
    path: PathBuf,
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
    /// Takes the name among the replicas that share this ring's folder, and waits a while for it.
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

    /// Takes the name if nobody has it.
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
                // Given up between opening and locking it: the lock is on a file that nobody else sees.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ClaimError::Taken(name.to_string())),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// Gives the name up, and leaves no trace of it.
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
    fn a_name_is_one_replicas_until_it_ends() {
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
    fn a_lock_on_a_file_that_was_given_up_is_none() {
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
