//! Files that must be whole and private, and changed by one process at a time.
//!
//! A process that is killed leaves the old file or the new one, and perhaps a temporary file and a lock file, neither
//! of which is in anyone's way: the lock ends with the process, and the next change removes the temporary file.

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

/// How long a change waits for another one: each takes a few file operations, and some calls to the root.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a file is not what it was to be.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// It is as it was.
    Unchanged(io::Error),
    /// It is as it was to be, but may be as it was again after a loss of power.
    NotDurable(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Unchanged(error)
    }
}

/// Publishes a new file of mode 0600, whole or not at all, and durable when this returns. Root makes it for the owner
/// of the folder.
///
/// The bytes go to a temporary file beside it, which then takes the name in one step that fails with
/// [`io::ErrorKind::AlreadyExists`] when the name is taken: of two processes that race, one wins.
pub(crate) fn publish_new(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let file = written_beside(path, bytes)?;
    give_to_owner(path, file.as_file())?;
    let name = |file: NamedTempFile| file.persist_noclobber(path).map_err(|failed| failed.error);
    durably(path, || name(file).map(drop), File::sync_all)
}

/// Puts new contents into the place of a file, with mode 0600, whole or not at all, and durable when this returns. Root
/// leaves it to its owner, so that a command run as root does not take it away from the service.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let file = written_beside(path, bytes)?;
    give_to_owner(path, file.as_file())?;
    let name = |file: NamedTempFile| file.persist(path).map_err(|failed| failed.error);
    durably(path, || name(file).map(drop), File::sync_all)
}

/// Removes the temporary files that killed writers of this file left behind. Only under the file's lock, so that no
/// writer is at work.
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

/// The right to change a file, held until this is dropped or the process ends.
///
/// It is a lock of the system on `<file>.lock` beside it, not on the file itself, which is replaced with every change.
/// The lock file stays: were it removed, two processes could each lock a file of that name.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits a while for other changes; [`io::ErrorKind::WouldBlock`] when they do not end.
    pub(crate) fn acquire(path: &Path) -> io::Result<Self> {
        Self::acquire_within(path, PATIENCE)
    }

    fn acquire_within(path: &Path, patience: Duration) -> io::Result<Self> {
        // A link there is not followed: whoever may write to the folder could have root give away any file.
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

/// Gives a file its name. That is durable only once the folder is, which is opened before, so that less can fail after.
fn durably(
    path: &Path,
    name: impl FnOnce() -> io::Result<()>,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), WriteError> {
    let folder = File::open(folder_of(path))?;
    name()?;
    sync(&folder).map_err(WriteError::NotDurable)
}

/// Gives a file that root has just made to the owner of the file at `path`, or of its folder if there is none. Nobody
/// else can give files away.
fn give_to_owner(path: &Path, file: &File) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let wanted = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(folder_of(path))?,
        found => found?,
    };
    let found = file.metadata()?;
    // What another has made, or another name leads to, is not root's to give.
    let is_own = found.is_file() && found.nlink() == 1 && found.uid() == 0;
    if is_own && (wanted.uid(), wanted.gid()) != (found.uid(), found.gid()) {
        fchown(file, Some(wanted.uid()), Some(wanted.gid()))?;
    }
    Ok(())
}

/// End of the name of a temporary file: `.<file>.<random>.tmp`.
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

/// The folder that a path lies in; `.` for a bare name.
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
    fn a_folder_that_cannot_be_synced_is_told_from_a_file_that_was_not_written() {
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

    /// As root, for a folder of somebody else; as anybody else, for an own one.
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
