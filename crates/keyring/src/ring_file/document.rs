//! The ring file's JSON: form, version and checksum. The keys are not checked or unwrapped here.

use std::fmt::Write;

use postern_envelope::{KeyId, KeyInfo, KeyState};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::RingFileError;

/// The one version of the file that is written and read.
const VERSION: u64 = 1;

/// The file; see [`crate::ring_file`] for the format.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RingDocument {
    version: u64,
    pub(crate) revision: u64,
    pub(crate) root: String,
    pub(crate) keys: Vec<StoredKey>,
    checksum: String,
}

/// Identifies one state of the file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) revision: u64,
    checksum: String,
}

/// One key of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKey {
    id: KeyId,
    state: KeyState,
    created_at: u64,
    state_since: u64,
    /// The wrapped key, in base64; `null` for a destroyed key and for no other.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) wrapped: Option<String>,
}

impl RingDocument {
    /// Makes the document of one revision, with its checksum.
    pub(crate) fn new(revision: u64, root: &str, keys: Vec<StoredKey>) -> Self {
        let mut document =
            Self { version: VERSION, revision, root: root.to_owned(), keys, checksum: String::new() };
        document.checksum = document.expected_checksum();
        document
    }

    /// Identifies this state of the file.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { revision: self.revision, checksum: self.checksum.clone() }
    }

    /// Parses a document of this version, and verifies its checksum.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, RingFileError> {
        // Parsed first, because the other members depend on the version.
        let head: Head = serde_json::from_slice(bytes).map_err(|_| RingFileError::Malformed)?;
        if head.version != VERSION {
            return Err(RingFileError::Version(head.version));
        }
        let document: Self = serde_json::from_slice(bytes).map_err(|_| RingFileError::Malformed)?;
        // The revision is sent as an int64, and the next change must still fit.
        if i64::try_from(document.revision).is_err() {
            return Err(RingFileError::Malformed);
        }
        if document.checksum == document.expected_checksum() {
            Ok(document)
        } else {
            Err(RingFileError::Checksum)
        }
    }

    /// The file's bytes: JSON, indented for people who read it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("numbers and text always serialize");
        bytes.push(b'\n');
        bytes
    }

    /// SHA-256, in lower-case hex, of the compact JSON of all other members in the order they are declared
    /// in.
    fn expected_checksum(&self) -> String {
        let Self { version, revision, root, keys, checksum: _ } = self;
        let covered = Covered { version: *version, revision: *revision, root, keys };
        let bytes = serde_json::to_vec(&covered).expect("numbers and text always serialize");
        Sha256::digest(&bytes).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes whatever is written to it");
            hex
        })
    }
}

impl StoredKey {
    pub(crate) fn new(info: KeyInfo, wrapped: Option<String>) -> Self {
        let KeyInfo { id, state, created_at, state_since } = info;
        Self { id, state, created_at, state_since, wrapped }
    }

    /// Changes the key's state.
    pub(crate) fn enter(&mut self, state: KeyState, now: u64) {
        self.state = state;
        self.state_since = now;
    }

    pub(crate) fn info(&self) -> KeyInfo {
        let Self { id, state, created_at, state_since, wrapped: _ } = *self;
        KeyInfo { id, state, created_at, state_since }
    }
}

#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// The members that the checksum covers.
#[derive(Serialize)]
struct Covered<'a> {
    version: u64,
    revision: u64,
    root: &'a str,
    keys: &'a [StoredKey],
}
