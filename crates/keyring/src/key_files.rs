//! Creating a key ring, and moving it to another root, for the command line on crypto-service's machine.

use std::path::Path;

use postern_domain::SystemClock;
use postern_envelope::SystemEntropy;

use crate::{
    Base, ChangeError, FileRoot, KeyringConfig, RingEditor, RingFileError, Root, RootConfig, RootFileError,
    ring_file,
    roots::{self, OpenError},
};

/// Why a command failed. The files are unchanged, except after [`RingFileError::NotDurable`].
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The root cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A new root file cannot be created.
    #[error("the root key {path} cannot be created: {source}")]
    NewRoot {
        /// Its path.
        path: String,
        /// Why.
        source: RootFileError,
    },
    /// The ring cannot be created.
    #[error(transparent)]
    Ring(#[from] RingFileError),
    /// The ring cannot be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The configurations name two different rings.
    #[error("both configurations must name the same keyring.file")]
    AnotherRing,
}

impl KeyFileError {
    /// Whether a remote root is unavailable, so that trying again may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Open(OpenError::Unavailable { .. })
                | Self::Ring(RingFileError::RootUnavailable)
                | Self::Change(ChangeError::Ring(RingFileError::RootUnavailable))
        )
    }
}

impl KeyFileError {
    /// Whether a file was written, although a power failure may undo that.
    pub fn is_written(&self) -> bool {
        use RingFileError::NotDurable;

        matches!(
            self,
            Self::Ring(NotDurable(_))
                | Self::Change(ChangeError::Ring(NotDurable(_)))
                | Self::NewRoot { source: RootFileError::NotDurable(_), .. }
        )
    }
}

/// The ring after the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingState {
    /// Number of changes of the file.
    pub revision: u64,
    /// Kind of the root that wraps its keys.
    pub root: String,
}

/// Creates a ring with one key, and the root file if the root is a file and does not exist. Never overwrites a ring.
/// Blocks.
pub fn create(config: &KeyringConfig) -> Result<RingState, KeyFileError> {
    // Checked before a root is created: a new root beside an old ring that it cannot unwrap would be misleading.
    if config.file.try_exists().map_err(RingFileError::from)? {
        return Err(RingFileError::Exists.into());
    }
    let root = open_or_create(&config.root)?;
    let ring = ring_file::create(&config.file, &*root, &SystemEntropy, &SystemClock)?;
    Ok(RingState { revision: ring.revision(), root: root.kind().to_owned() })
}

/// Wraps the keys of a ring with the root of `to`. A root file that does not exist is created. Blocks.
pub fn move_root(from: &KeyringConfig, to: &KeyringConfig) -> Result<RingState, KeyFileError> {
    if from.file != to.file {
        return Err(KeyFileError::AnotherRing);
    }
    let old = roots::open(&from.root)?;
    // Loaded before a new root is created: a ring that the old root does not unwrap cannot be moved.
    ring_file::load(&from.file, &*old)?;
    let new = open_or_create(&to.root)?;
    let editor = RingEditor { path: &from.file, root: &*old, entropy: &SystemEntropy, clock: &SystemClock };
    let ring = editor.move_root(&*new, Base::default())?;
    Ok(RingState { revision: ring.revision(), root: new.kind().to_owned() })
}

/// Reads a ring without changing anything. A root that is a file also has to unwrap the keys; a remote one is not
/// asked. Blocks.
pub fn inspect(config: &KeyringConfig) -> Result<RingState, KeyFileError> {
    if let RootConfig::File { .. } = config.root {
        let root = roots::open(&config.root)?;
        let ring = ring_file::load(&config.file, &*root)?;
        return Ok(RingState { revision: ring.revision(), root: root.kind().to_owned() });
    }
    let document = ring_file::read(&config.file)?;
    Ok(RingState { revision: document.revision, root: document.root })
}

fn open_or_create(config: &RootConfig) -> Result<Box<dyn Root>, KeyFileError> {
    match config {
        RootConfig::File { path } if !exists(path) => match FileRoot::create(path, &SystemEntropy) {
            Ok(root) => Ok(Box::new(root)),
            Err(source) => Err(KeyFileError::NewRoot { path: path.display().to_string(), source }),
        },
        other => Ok(roots::open(other)?),
    }
}

/// Counts a file that cannot be checked as existing: opening it gives a better error, and nothing is overwritten.
fn exists(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

#[cfg(test)]
#[path = "key_files_tests.rs"]
mod tests;
