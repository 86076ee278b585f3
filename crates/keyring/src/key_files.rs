//! The key ring's files, for an operator who works where they are: a ring is made, or moved to another root.
//!
//! The command line uses these functions, so that no code but this service's knows how keys are wrapped.

use std::path::Path;

use postern_domain::SystemClock;
use postern_envelope::SystemEntropy;

use crate::{
    Base, ChangeError, FileRoot, KeyringConfig, RingEditor, RingFileError, Root, RootConfig, RootFileError,
    ring_file,
    roots::{self, OpenError},
};

/// Why the files are as they were, but for [`RingFileError::NotDurable`].
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The root cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A new root file cannot be made.
    #[error("the root key {path} cannot be made: {source}")]
    NewRoot {
        /// Its path.
        path: String,
        /// Why.
        source: RootFileError,
    },
    /// The ring cannot be made.
    #[error(transparent)]
    Ring(#[from] RingFileError),
    /// The ring cannot be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The configurations are of two rings.
    #[error("both configurations must name the same keyring.file")]
    AnotherRing,
}

impl KeyFileError {
    /// Whether a remote root does not answer, so that trying again may help.
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
    /// Whether a file was written all the same, and may not last.
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
    /// Counts the changes of the file.
    pub revision: u64,
    /// Kind of the root that wraps its keys.
    pub root: String,
}

/// Makes a ring with one key, and the root file if the root is a file that is missing. An existing ring is left alone.
/// Blocks.
pub fn create(config: &KeyringConfig) -> Result<RingState, KeyFileError> {
    // Asked before a root is made: a root beside a ring that it does not open would only mislead.
    if config.file.try_exists().map_err(RingFileError::from)? {
        return Err(RingFileError::Exists.into());
    }
    let root = open_or_create(&config.root)?;
    let ring = ring_file::create(&config.file, &*root, &SystemEntropy, &SystemClock)?;
    Ok(RingState { revision: ring.revision(), root: root.kind().to_owned() })
}

/// Wraps the keys of the ring of `from` with the root of `to`, which is made if it is a file that is missing. Blocks.
pub fn move_root(from: &KeyringConfig, to: &KeyringConfig) -> Result<RingState, KeyFileError> {
    if from.file != to.file {
        return Err(KeyFileError::AnotherRing);
    }
    let old = roots::open(&from.root)?;
    // Read before a new root is made: a ring that the old one does not open cannot be moved.
    ring_file::load(&from.file, &*old)?;
    let new = open_or_create(&to.root)?;
    let editor = RingEditor { path: &from.file, root: &*old, entropy: &SystemEntropy, clock: &SystemClock };
    let ring = editor.move_root(&*new, Base::default())?;
    Ok(RingState { revision: ring.revision(), root: new.kind().to_owned() })
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

/// What cannot be seen counts as there: opening it gives the better error, and nothing is written over it.
fn exists(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

#[cfg(test)]
#[path = "key_files_tests.rs"]
mod tests;
