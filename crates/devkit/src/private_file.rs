//! Files that only their owner may read.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

/// Reads a text file, or creates it atomically, with mode 0600 and the text from `make`.
pub fn load_or_create(path: &Path, make: impl FnOnce() -> Result<String>) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => {
            ensure!(!text.is_empty(), "{} is empty; restore it, or delete it to start over", path.display());
            return Ok(text);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let text = make()?;
    let failed = || format!("cannot write {}", path.display());
    written_beside(path, &text).with_context(failed)?.persist_noclobber(path).with_context(failed)?;
    Ok(text)
}

/// Creates or replaces a text file atomically, with mode 0600.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    written_beside(path, text).with_context(failed)?.persist(path).with_context(failed)?;
    Ok(())
}

fn written_beside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// `bytes` random bytes from the operating system, in hexadecimal.
pub fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer)
        .map_err(|error| anyhow::anyhow!("no randomness from the system: {error}"))?;
    Ok(buffer.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect())
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).unwrap_or('0')
}
