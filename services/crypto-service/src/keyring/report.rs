//! What each replica tells the others, in a file of its own: `replicas/<name>.json` beside the ring.
//!
//! ```json
//! {
//!   "name": "crypto-service-0",
//!   "revision": 3,
//!   "loaded": [1, 2],
//!   "uses": [{ "id": 1, "seals": 10, "opens": 12, "last_use": 1767225600 }],
//!   "reported_at": 1767225601,
//!   "stopped": false
//! }
//! ```
//!
//! Times are seconds since 1970-01-01T00:00:00Z. A replica that starts reports revision 0 before it loads the ring, so that
//! from then on no key is promoted that it lacks. The counts are those of all runs under this name.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use postern_envelope::KeyId;
use serde::{Deserialize, Serialize};

use super::{ReplicaName, UseCounts};

/// Seconds after its report in which a replica is taken for running. It reports every two.
const LIVE: u64 = 10;

/// Bytes of the longest report: some thousand keys.
const REPORT_BYTES: u64 = 1024 * 1024;

/// What one replica has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Which replica.
    pub(crate) name: ReplicaName,
    /// Revision of the ring that it uses; 0 while it starts.
    pub(crate) revision: u64,
    /// Keys that it opens with.
    pub(crate) loaded: Vec<KeyId>,
    uses: Vec<KeyUse>,
    reported_at: u64,
    stopped: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeyUse {
    id: KeyId,
    #[serde(flatten)]
    counts: UseCounts,
}

impl Report {
    pub(crate) fn new(
        name: ReplicaName,
        revision: u64,
        loaded: Vec<KeyId>,
        uses: &BTreeMap<KeyId, UseCounts>,
        now: u64,
    ) -> Self {
        let uses = uses.iter().map(|(&id, &counts)| KeyUse { id, counts }).collect();
        Self { name, revision, loaded, uses, reported_at: now, stopped: false }
    }

    /// The last one of a replica that stops in good order.
    pub(crate) fn stopped(self) -> Self {
        Self { stopped: true, ..self }
    }

    /// Whether the replica is taken for running. One that reports from the future is: a clock is wrong somewhere, and
    /// to wait for it in vain does less harm than not to wait for it.
    pub(crate) fn is_live(&self, now: u64) -> bool {
        !self.stopped && now.saturating_sub(self.reported_at) <= LIVE
    }

    /// When the replica reported.
    pub(crate) fn reported_at(&self) -> u64 {
        self.reported_at
    }

    /// How often it used each key.
    pub(crate) fn uses(&self) -> BTreeMap<KeyId, UseCounts> {
        self.uses.iter().map(|uses| (uses.id, uses.counts)).collect()
    }
}

/// Reads and writes reports.
pub(crate) struct Reporter {
    folder: PathBuf,
    name: ReplicaName,
    writing: Mutex<()>,
}

impl Reporter {
    /// A replica of this name beside this ring.
    pub(crate) fn new(ring: &Path, name: ReplicaName) -> Self {
        Self { folder: ring.with_file_name("replicas"), name, writing: Mutex::default() }
    }

    /// This replica's name.
    pub(crate) fn name(&self) -> &ReplicaName {
        &self.name
    }

    /// This replica's last report, if there is one.
    pub(crate) fn own(&self) -> io::Result<Option<Report>> {
        match read(&self.path(&self.name)) {
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

    /// Puts this replica's report in place, whole.
    pub(crate) fn publish(&self, report: &Report) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Always the same name, so that a kill leaves no more than one; it does not end like a report.
        let temporary = self.folder.join(format!("{}.tmp", self.name));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(report)?)?;
        file.sync_data()?;
        fs::rename(temporary, self.path(&self.name))
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
#[path = "report_tests.rs"]
mod tests;
