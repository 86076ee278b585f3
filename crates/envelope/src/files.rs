//! Files that must be whole, private and written once.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use tempfile::NamedTempFile;

/// Publishes a new file of mode 0600, whole or not at all, and durable when this returns.
///
/// The bytes go to a temporary file beside it, which then takes the name in one step that fails with
/// [`io::ErrorKind::AlreadyExists`] when the name is taken: of two processes that race, one wins.
pub(crate) fn publish_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|failed| failed.error)?;
    // The name is durable only once the folder is.
    File::open(folder)?.sync_all()
}

/// Reads a file of at most `limit` bytes; [`io::ErrorKind::FileTooLarge`] for a longer one.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let cap = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(cap).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// The folder that a path lies in; `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
