//! The folder `replicas/` beside the ring, with a report of each replica.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{ReplicaName, Report};

/// Bytes of the longest report: some thousand keys.
const REPORT_BYTES: u64 = 1024 * 1024;

/// Reads and writes reports.
pub(crate) struct Reports {
    folder: PathBuf,
    writing: Mutex<()>,
}

impl Reports {
    /// Those of the replicas that share this ring.
    pub(crate) fn beside(ring: &Path) -> Self {
        Self { folder: ring.with_file_name("replicas"), writing: Mutex::default() }
    }

    /// The last report of one replica, if there is one.
    pub(crate) fn of(&self, name: &ReplicaName) -> io::Result<Option<Report>> {
        match read(&self.path(name)) {
            Ok(report) => Ok(Some(report)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All reports, in the order of their names. One that cannot be read is passed over, and logged.
    pub(crate) fn all(&self) -> io::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(report) if self.path(&report.name) == path => reports.push(report),
                _ => tracing::warn!(path = %path.display(), "this is no replica's report; remove it"),
            }
        }
        reports.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(reports)
    }

    /// Puts a replica's report in place, whole.
    pub(crate) fn put(&self, report: &Report) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Always the same name, so that a kill leaves no more than one; it does not end like a report.
        let temporary = self.folder.join(format!("{}.tmp", report.name));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(report)?)?;
        file.sync_data()?;
        fs::rename(temporary, self.path(&report.name))
    }

    fn path(&self, name: &ReplicaName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

fn read(path: &Path) -> io::Result<Report> {
    let mut bytes = Vec::new();
    File::open(path)?.take(REPORT_BYTES).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
#[path = "reports_tests.rs"]
mod tests;
