//! Configuration of the key ring.

use std::path::{Path, PathBuf};

use postern_domain::SystemClock;
use postern_envelope::SystemEntropy;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    ReplicaName, RootConfig,
    embedded::{self, EmbeddedError},
};

/// Where the master keys are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyringConfig {
    /// The ring file: JSON, with each key wrapped by the root. `postern keyring init` makes it. All replicas share its
    /// folder, and need write access to it: a change replaces the file, and each replica reports to `replicas/` there.
    pub file: PathBuf,
    /// The root that wraps the keys.
    pub root: RootConfig,
    /// Name of this replica, which no other replica with the same folder may have. By default the name of the machine,
    /// which in Kubernetes is the name of the pod.
    #[serde(default)]
    pub replica: Option<ReplicaName>,
}

impl KeyringConfig {
    /// A key ring with its root in the same folder, created if missing. For development only: a copy of the folder
    /// contains the keys.
    pub fn embedded(folder: &Path) -> Result<Self, EmbeddedError> {
        embedded::load_or_create(folder, &SystemEntropy, &SystemClock)?;
        let root = RootConfig::File { path: folder.join(embedded::ROOT_FILE) };
        Ok(Self { file: folder.join(embedded::RING_FILE), root, replica: None })
    }
}
