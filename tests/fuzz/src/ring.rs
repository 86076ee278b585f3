//! Key rings to seal with, made once a process.

use std::{path::Path, sync::LazyLock};

use postern_domain::SystemClock;
use postern_envelope::{KeyId, SystemEntropy};
use postern_keyring::{Base, FileRoot, LoadedRing, RingEditor, embedded, ring_file};
use tempfile::TempDir;

/// A ring with a key in each state, what it was before, and another one.
pub struct Rings {
    /// Key 1 is destroyed, 2 disabled, 3 active, 4 primary, 5 staged.
    pub now: LoadedRing,
    /// The same while key 3 was primary, and without the later ones.
    pub before: LoadedRing,
    /// Other keys under the same ids.
    pub stranger: LoadedRing,
}

impl Rings {
    /// The rings of this process.
    pub fn shared() -> &'static Self {
        static RINGS: LazyLock<Rings> = LazyLock::new(|| {
            let (mine, theirs) = (folder(), folder());
            let (before, now) = rotated(mine.path());
            Rings { now, before, stranger: rotated(theirs.path()).1 }
        });
        &RINGS
    }
}

/// A folder for files of this process, in memory where the system has such a place: they are written very often.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    folder.expect("a folder for temporary files")
}

/// A new ring that was rotated three times: as it was before the last, and as it is now.
fn rotated(folder: &Path) -> (LoadedRing, LoadedRing) {
    embedded::load_or_create(folder, &SystemEntropy, &SystemClock).expect("a new ring");
    let root = FileRoot::load(&folder.join(embedded::ROOT_FILE)).expect("the root was just made");
    let path = folder.join(embedded::RING_FILE);
    let editor = RingEditor { path: &path, root: &root, entropy: &SystemEntropy, clock: &SystemClock };
    let stage = || editor.stage(Base::default()).expect("there is room for a key").0;
    let rotate = || editor.promote(stage(), Base::default()).expect("the key is staged");
    let disable = |id| editor.disable(id, Base::default()).expect("the key is active");

    let second = rotate().primary();
    rotate();
    disable(KeyId::FIRST);
    editor.destroy(KeyId::FIRST, Base::default()).expect("the key is disabled");
    let before = disable(second);
    rotate();
    stage();
    (before, ring_file::load(&path, &root).expect("the ring that was just written"))
}
