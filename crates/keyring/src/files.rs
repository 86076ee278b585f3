//! Private files that are replaced atomically, by one process at a time.
//!
//! If a process is killed, the old file or the new one remains, and perhaps a temporary file and a lock file. Both are
//! harmless: the lock ends with the process, and the next change removes the temporary file.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{fs::OFlags, process::geteuid};
use tempfile::{Builder, NamedTempFile};

/// How long a change waits for the lock. A change takes a few file operations and some calls to the root.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a file was not written, or not durably.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The file is unchanged.
    Unchanged(io::Error),
    /// The file was written, but a power failure may undo that.
    NotDurable(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Unchanged(error)
    }
}

/// Creates a file of mode 0600, atomically, and durable when this returns. If this process is root, the file is owned
/// by the owner of the folder.
///
/// The bytes are written to a temporary file in the same folder, which is then linked to the name. That fails with
/// [`io::ErrorKind::AlreadyExists`] if the name exists, so that one of two racing processes wins.
pub(crate) fn publish_new(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let file = written_beside(path, bytes)?;
    give_to_owner(path, file.as_file())?;
    let name = |file: NamedTempFile| file.persist_noclobber(path).map_err(|failed| failed.error);
    durably(path, || name(file).map(drop), File::sync_all)
}

/// Replaces a file, with mode 0600, atomically, and durable when this returns. If this process is root, the file keeps
/// its owner, so that the service can still read it after a command was run as root.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let file = written_beside(path, bytes)?;
    give_to_owner(path, file.as_file())?;
    let name = |file: NamedTempFile| file.persist(path).map_err(|failed| failed.error);
    durably(path, || name(file).map(drop), File::sync_all)
}

/// Removes the temporary files that killed writers of this file left behind. The caller must hold the file's lock, so
/// that none of them is in use.
pub(crate) fn remove_leftovers(path: &Path) -> io::Result<()> {
    let prefix = temporary_prefix(path);
    for entry in fs::read_dir(folder_of(path))? {
        let entry = entry?;
        let name = entry.file_name();
        if is_temporary(&name, &prefix) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads a file of at most `limit` bytes; [`io::ErrorKind::FileTooLarge`] for a longer one.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let cap = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(cap).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// The lock for changing a file, held until this is dropped or the process ends.
///
/// The lock is on `<file>.lock`, because the file itself is replaced by every change. The lock file is never removed:
/// otherwise two processes could each hold a lock on a file of that name.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits up to [`PATIENCE`] for other changes, then fails with [`io::ErrorKind::WouldBlock`].
    pub(crate) fn acquire(path: &Path) -> io::Result<Self> {
        Self::acquire_within(path, PATIENCE)
    }

    fn acquire_within(path: &Path, patience: Duration) -> io::Result<Self> {
        // Links are not followed: with one, a user who can write to the folder could make root give away any file.
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(lock_path(path))?;
        give_to_owner(path, &file)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                    thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

fn written_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let prefix = temporary_prefix(path);
    let mut file = Builder::new().prefix(&prefix).suffix(TEMPORARY).tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives a file its name, and syncs the folder to make that durable. The folder is opened first, so that less can fail
/// afterwards.
fn durably(
    path: &Path,
    name: impl FnOnce() -> io::Result<()>,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), WriteError> {
    let folder = File::open(folder_of(path))?;
    name()?;
    sync(&folder).map_err(WriteError::NotDurable)
}

/// If this process is root, gives a new file to the owner of the file at `path`, or of its folder if there is no such
/// file. Other users cannot change a file's owner.
fn give_to_owner(path: &Path, file: &File) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let wanted = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(folder_of(path))?,
        found => found?,
    };
    let found = file.metadata()?;
    // A file that another user created, or that has another name too, is left alone.
    let is_own = found.is_file() && found.nlink() == 1 && found.uid() == 0;
    if is_own && (wanted.uid(), wanted.gid()) != (found.uid(), found.gid()) {
        fchown(file, Some(wanted.uid()), Some(wanted.gid()))?;
    }
    Ok(())
}

/// Suffix of temporary files, which are named `.<file>.<random>.tmp`.
const TEMPORARY: &str = ".tmp";

fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

fn is_temporary(name: &OsStr, prefix: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(TEMPORARY.as_bytes())
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The folder of a path; `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn a_lock_keeps_others_out_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let lock = Lock::acquire(&path).unwrap();
        let refused = Lock::acquire_within(&path, Duration::from_millis(30)).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        Lock::acquire_within(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn a_failed_sync_of_the_folder_differs_from_a_failed_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let failing = |_: &File| Err(io::ErrorKind::StorageFull.into());
        let write = || fs::write(&path, "new");
        assert!(matches!(durably(&path, write, failing), Err(WriteError::NotDurable(_))));
        assert_eq!(fs::read(&path).unwrap(), b"new");

        let refused = || Err(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(durably(&path, refused, File::sync_all), Err(WriteError::Unchanged(_))));
        let nowhere = folder.path().join("none/file");
        assert!(matches!(
            durably(&nowhere, || panic!("named"), File::sync_all),
            Err(WriteError::Unchanged(_))
        ));
    }

    /// As root, in another user's folder; otherwise in a folder of this user.
    #[test]
    fn files_belong_to_the_owner_of_what_they_replace_or_of_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let owner = if geteuid().is_root() { 65534 } else { geteuid().as_raw() };
        chown(folder.path(), Some(owner), None).unwrap();
        let owner_of = |path: &Path| fs::metadata(path).unwrap().uid();

        publish_new(&path, b"old").unwrap();
        drop(Lock::acquire(&path).unwrap());
        replace(&path, b"new").unwrap();
        assert_eq!((owner_of(&path), owner_of(&lock_path(&path))), (owner, owner));
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_lock_file_that_leads_elsewhere_is_refused_and_what_is_there_keeps_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("file"), folder.path().join("precious"));
        fs::write(&precious, "root's own").unwrap();
        let before = fs::metadata(&precious).unwrap().uid();
        if geteuid().is_root() {
            chown(folder.path(), Some(65534), None).unwrap();
        }
        symlink(&precious, lock_path(&path)).unwrap();
        assert!(Lock::acquire(&path).is_err());
        fs::remove_file(lock_path(&path)).unwrap();
        fs::hard_link(&precious, lock_path(&path)).unwrap();
        drop(Lock::acquire(&path).unwrap());
        assert_eq!(fs::metadata(&precious).unwrap().uid(), before);
    }

    #[test]
    fn only_temporary_files_of_this_file_are_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ring");
        let kept = ["ring", "ring.lock", ".ring2.abc.tmp", ".root.abc.tmp", "ring.tmp", ".ring.abc"];
        for name in kept.iter().chain(&[".ring.abc.tmp", ".ring.0123.tmp"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_leftovers(&path).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        let mut kept: Vec<_> = kept.into_iter().map(OsString::from).collect();
        kept.sort();
        assert_eq!(left, kept);
    }
}
