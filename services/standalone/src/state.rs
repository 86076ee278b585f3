//! The state folder: `.postern/`.
//!
//! | path | holds |
//! |---|---|
//! | `lock` | held while Postern runs |
//! | `postgres/` | the embedded server's data and its superuser's password; the data is in a folder of /var/tmp, named in `elsewhere`, if root starts the server and `nobody` cannot enter this folder |
//! | `passwords/ROLE` | passwords of the database roles |
//! | `urls/ROLE` | the control database's URL for each service |
//! | `keys/` | the key ring and its root |
//! | `certificates/` | the development authority and the services' certificates |
//! | `postern.toml` | the configuration of the `postern` command for this Postern |
//! | `issuer.pem` | the development issuer's key |
//! | `welcomed/OWNER` | an empty file for each user who has been given the demo connection |
//! | `postern.log` | JSON lines |

use std::{
    fs::{self, File, Permissions, TryLockError},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::options::unusable;

/// The locked state folder. Only one process can have it open.
pub(crate) struct State {
    root: PathBuf,
    _lock: File,
}

impl State {
    /// Opens the folder, and creates it if missing.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let broken = || unusable(root);
        fs::create_dir_all(root).with_context(broken)?;
        // Others may enter the folder, but not list it: started by root, the embedded Postgres runs as another user.
        fs::set_permissions(root, Permissions::from_mode(0o711)).with_context(broken)?;
        let lock = File::create(root.join("lock")).with_context(broken)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("Postern is already running with the state folder {}", root.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(broken),
        }
        Ok(Self { root: root.canonicalize().with_context(broken)?, _lock: lock })
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A subfolder that only its owner may enter, created if missing.
    pub(crate) fn private_dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.root.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        Ok(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_told_that_postern_runs() {
        let dir = tempfile::tempdir().unwrap();
        let _first = State::open(dir.path()).unwrap();
        let error = State::open(dir.path()).err().unwrap();
        assert!(error.to_string().contains("is already running"), "{error}");
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_one_clear_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        fs::write(&path, "").unwrap();
        let error = State::open(&path).err().unwrap();
        assert!(error.to_string().contains("move it away"), "{error}");
    }
}
