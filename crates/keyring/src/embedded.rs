//! A root and a ring in one folder, for development without a key service.

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt, path::Path};

use postern_domain::Clock;
use postern_envelope::Entropy;

use crate::{FileRoot, LoadedRing, RingFileError, RootFileError, ring_file};

/// Name of the root file in the folder.
pub const ROOT_FILE: &str = "root.key";

/// Name of the ring file in the folder.
pub const RING_FILE: &str = "keyring.json";

/// Why the ring could not be loaded or created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddedError {
    /// The folder cannot be created.
    #[error("the folder for the key ring cannot be created: {0}")]
    Folder(io::ErrorKind),
    /// The root file.
    #[error(transparent)]
    Root(#[from] RootFileError),
    /// The ring file.
    #[error(transparent)]
    Ring(#[from] RingFileError),
}

/// Loads the ring of a folder. The first time, makes the folder (mode 0700), the root and the ring; any
/// number of processes may do so at once. A ring whose root is gone is an error, and no new root is made
/// then.
pub fn load_or_create(
    folder: &Path,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<LoadedRing, EmbeddedError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| EmbeddedError::Folder(error.kind()))?;
    let (root_path, ring_path) = (folder.join(ROOT_FILE), folder.join(RING_FILE));
    // The root is created before the ring, so a ring without a root means that the root was lost.
    let ring_exists = ring_path.try_exists().map_err(RingFileError::from)?;
    let root = if ring_exists {
        FileRoot::load(&root_path)?
    } else {
        FileRoot::load_or_create(&root_path, entropy)?
    };
    Ok(ring_file::load_or_create(&ring_path, &root, entropy, clock)?)
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
