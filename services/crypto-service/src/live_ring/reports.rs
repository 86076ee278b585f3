//! The folder `replicas/` beside the ring, with the report of each replica.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use postern_keyring::ReplicaName;

use super::{
    NameClaim, Report,
    presence::{Presence, Version},
};

/// Maximum size of a report in bytes, enough for some thousand keys.
const REPORT_BYTES: u64 = 1024 * 1024;

/// A replica that has not reported for this long counts as exited for good. If its name is used again, it starts anew.
const GONE: Duration = Duration::from_hours(24);

/// Reads and writes reports.
pub(crate) struct Reports {
    ring: PathBuf,
    folder: PathBuf,
    writing: Mutex<()>,
    presence: Mutex<Presence>,
}

/// A replica, as known from its report.
pub(crate) struct Peer {
    /// Its last report.
    pub(crate) report: Report,
    /// Whether it counts as running.
    pub(crate) live: bool,
}

/// The report of a replica that has exited. Its name is claimed while this is held.
pub(crate) struct Remains {
    /// Its last report.
    pub(crate) report: Report,
    path: PathBuf,
    claim: NameClaim,
}

impl Remains {
    /// Removes the report, then the claim to the name.
    pub(crate) fn remove(self) -> io::Result<()> {
        for path in [temporary(&self.path), self.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.claim.give_up()
    }
}

fn is_gone(report: &Report, (written, _): Version, now: SystemTime) -> bool {
    report.is_known() && now.duration_since(written).is_ok_and(|age| age > GONE)
}

impl Reports {
    /// The reports of the replicas that share this ring.
    pub(crate) fn beside(ring: &Path) -> Self {
        Self {
            ring: ring.to_owned(),
            folder: ring.with_file_name("replicas"),
            writing: Mutex::default(),
            presence: Mutex::default(),
        }
    }

    /// The last report of one replica, if there is one.
    pub(crate) fn of(&self, name: &ReplicaName) -> io::Result<Option<Report>> {
        match read(&self.path(name)) {
            Ok((_, report)) => report.map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All replicas that ever reported, ordered by name. Must be called every few seconds, because the changes in
    /// between show which replicas are running.
    pub(crate) fn all(&self) -> io::Result<Vec<Peer>> {
        let found = self.found()?;
        let versions = found.iter().map(|(report, version)| (report.name.clone(), *version));
        let live = alone(&self.presence).look(versions, Instant::now());
        let peer = |(report, _): (Report, _)| {
            let live = !report.has_stopped() && live.contains(&report.name);
            Peer { report, live }
        };
        Ok(found.into_iter().map(peer).collect())
    }

    /// The replicas that had not reported for a day when the replica of this name last reported, both by the clock of
    /// the file system. A replica whose report cannot be read is skipped.
    pub(crate) fn gone(&self, own: &ReplicaName) -> io::Result<Vec<ReplicaName>> {
        let now = fs::metadata(self.path(own))?.modified()?;
        let found = self.found()?.into_iter().filter(|(report, version)| is_gone(report, *version, now));
        Ok(found.map(|(report, _)| report.name).collect())
    }

    /// Claims the name of one of them, and reads its report. `None` if it is running after all, so that its name is
    /// taken or its report has changed, or if another replica has taken over its report already.
    pub(crate) fn remains(&self, own: &ReplicaName, gone: &ReplicaName) -> io::Result<Option<Remains>> {
        let Ok(claim) = NameClaim::take_at_once(&self.ring, gone) else { return Ok(None) };
        let now = fs::metadata(self.path(own))?.modified()?;
        let path = self.path(gone);
        match report_in(&path) {
            Ok(Some((report, version))) if is_gone(&report, version, now) => {
                Ok(Some(Remains { report, path, claim }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => claim.give_up().map(|()| None),
            found => found.map(|_| None),
        }
    }

    /// Writes a replica's report atomically.
    pub(crate) fn put(&self, report: &Report) -> io::Result<()> {
        let _alone = alone(&self.writing);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Always the same name, so that killed processes leave at most one. It does not have the suffix of a report.
        let path = self.path(&report.name);
        let temporary = temporary(&path);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(report)?)?;
        file.sync_data()?;
        fs::rename(temporary, path)?;
        alone(&self.presence).written(file.metadata()?.modified()?, Instant::now());
        Ok(())
    }

    /// All reports, with the versions of their files.
    fn found(&self) -> io::Result<Vec<(Report, Version)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match report_in(&path) {
                Ok(Some(report)) => found.push(report),
                Ok(None) => {
                    tracing::warn!(path = %path.display(), "this file is not a replica's report; remove it");
                }
                // Removed in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        Ok(found)
    }

    fn path(&self, name: &ReplicaName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

/// The temporary file of a report.
fn temporary(report: &Path) -> PathBuf {
    report.with_extension("tmp")
}

/// A replica's report; `None` if the file was not written by a replica. An unreadable report may belong to a running
/// replica, which therefore counts as having loaded nothing.
fn report_in(path: &Path) -> io::Result<Option<(Report, Version)>> {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let Ok(name) = ReplicaName::try_from(stem.to_owned()) else { return Ok(None) };
    let (version, report) = read(path)?;
    match report {
        Ok(report) => Ok((report.name == name).then_some((report, version))),
        Err(error) => {
            tracing::warn!(replica = %name, kind = %error.kind(), "a replica's report cannot be read");
            Ok(Some((Report::unknown(name), version)))
        }
    }
}

/// The file's version and contents.
fn read(path: &Path) -> io::Result<(Version, io::Result<Report>)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        // For example, owned by another user.
        Err(error) => return Ok((version(&fs::symlink_metadata(path)?)?, Err(error))),
    };
    // Of the open file: on a shared file system, the name may refer to an older file for a while.
    let version = version(&file.metadata()?)?;
    let mut bytes = Vec::new();
    let report = file.take(REPORT_BYTES).read_to_end(&mut bytes);
    Ok((version, report.and_then(|_| Ok(serde_json::from_slice(&bytes)?))))
}

fn version(metadata: &Metadata) -> io::Result<Version> {
    Ok((metadata.modified()?, metadata.ino()))
}

fn alone<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "reports_tests.rs"]
mod tests;
