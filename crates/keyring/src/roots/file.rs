//! The root `file`: 32 random bytes in a file of this machine.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use postern_envelope::{Entropy, EntropyError, KeyId, MasterKey};

use super::{Root, RootError};
use crate::{
    Reader,
    files::{self, WriteError},
};

/// A root in a file of exactly 32 random bytes that only this process's user may read, or its group if the file belongs
/// to somebody else, as in a Kubernetes volume. [`MasterKey::wrap`] has the format of a wrapped key.
pub struct FileRoot(MasterKey);

/// Why a root file was not created or loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootFileError {
    /// There is no file.
    #[error(
        "the root file is missing; restore it from its backup, since nothing else can unwrap the key ring"
    )]
    Missing,
    /// There is a file already.
    #[error("the root file exists already; it is never overwritten")]
    Exists,
    /// Others may use it, or a group may that it was not given to for this process.
    #[error(
        "the root file is open to group or others; run chmod 600 on it, and renew it if others had access"
    )]
    Exposed,
    /// Not a file of 32 bytes.
    #[error("the root file must have exactly 32 bytes; restore it from its backup")]
    Length,
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The file system returned an error.
    #[error("the root file cannot be read or written: {0}")]
    Io(io::ErrorKind),
    /// The file was written, but syncing the folder failed.
    #[error(
        "the root file was written, but a loss of power may undo that ({0}); see to the file system before anything is \
         sealed"
    )]
    NotDurable(io::ErrorKind),
}

impl FileRoot {
    /// The name of this kind of root in the ring file.
    pub const KIND: &str = "file";

    /// Generates a root and writes it with mode 0600. Never overwrites a file.
    pub fn create(path: &Path, entropy: &dyn Entropy) -> Result<Self, RootFileError> {
        let key = MasterKey::generate(entropy)?;
        files::publish_new(path, key.expose())?;
        Ok(Self(key))
    }

    /// Reads a root. The permissions are those of the open file, so that it cannot be swapped between check and read.
    pub fn load(path: &Path) -> Result<Self, RootFileError> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if Reader::this_process()?.finds_exposed(&metadata) {
            return Err(RootFileError::Exposed);
        }
        if metadata.len() != MasterKey::BYTES as u64 {
            return Err(RootFileError::Length);
        }
        Ok(Self(MasterKey::fill_with(|bytes| file.read_exact(bytes))?))
    }

    /// Loads the root, or creates it. If two processes race, one creates it and the other loads it.
    ///
    /// Only for a folder without a ring: a new root beside an old ring would hide that the old root was lost.
    pub(crate) fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, RootFileError> {
        match Self::load(path) {
            Err(RootFileError::Missing) => {}
            loaded => return loaded,
        }
        match Self::create(path, entropy) {
            Err(RootFileError::Exists) => Self::load(path),
            created => created,
        }
    }
}

impl Root for FileRoot {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        Ok(self.0.wrap(id, key, entropy)?)
    }

    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        self.0.unwrap(id, wrapped).ok_or(RootError::Foreign)
    }
}

/// Maps errors of reading the file.
impl From<io::Error> for RootFileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            kind => Self::Io(kind),
        }
    }
}

impl From<WriteError> for RootFileError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unchanged(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::Exists,
            WriteError::Unchanged(error) => Self::Io(error.kind()),
            WriteError::NotDurable(error) => Self::NotDurable(error.kind()),
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
