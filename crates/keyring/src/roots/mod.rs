//! Roots wrap the keys of the ring.
//!
//! A root is used when a ring is loaded or changed, never to seal or open. While a remote root is unavailable, sealing
//! and opening therefore continue, and only changes of the ring fail. Errors and logs never contain a remote root's
//! responses; they name the root and what an operator can do.

mod address;
mod client;
mod file;
#[cfg(feature = "aws-kms")]
mod kms;
mod remote;
mod trouble;
mod vault;
mod worker;

use std::{io, path::PathBuf, time::Duration};

use postern_envelope::{Entropy, EntropyError, KeyId, MasterKey};
use schemars::JsonSchema;
use serde::Deserialize;

pub use address::{Address, InvalidAddress};
pub use file::{FileRoot, RootFileError};
#[cfg(feature = "aws-kms")]
pub use kms::KmsConfig;
pub use trouble::Trouble;
pub use vault::{InvalidPath, VaultAuth, VaultConfig, VaultPath};

/// Wraps and unwraps the keys of a ring. Called when a ring is loaded or changed, never to seal or open, so an
/// implementation may block.
pub trait Root: Send + Sync {
    /// Name of the root's kind in the ring file.
    fn kind(&self) -> &'static str;

    /// Wraps a key so that it unwraps only under the same id.
    fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError>;

    /// The reverse of [`Root::wrap_key`].
    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError>;
}

/// Why wrapping or unwrapping failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// The key was wrapped by another root or for another id, or the wrapped key was changed.
    #[error("the key was not wrapped by this root under this id")]
    Foreign,
    /// A remote root is unreachable or sealed, or reported an internal error. Trying again may help.
    #[error("the root is unavailable; check that its service is running, unsealed and reachable from here")]
    Unavailable,
    /// A remote root denied the use of its key. Trying again does not help until an operator fixes the cause.
    #[error("the root refused access; check the credential, its permissions, and the key's name")]
    Denied,
    /// No random salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// The configuration of a root.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RootConfig {
    /// A file of 32 random bytes that only its owner may read. Somebody with this file and the ring has the keys.
    File {
        /// Its path. Mode 0600 or 0400; 0440 in a mounted Secret with fsGroup.
        path: PathBuf,
    },
    /// A key of the Transit engine of `OpenBao` or Vault.
    VaultTransit(VaultConfig),
    /// A symmetric key of AWS KMS, in builds with the feature `aws-kms`.
    #[cfg(feature = "aws-kms")]
    AwsKms(KmsConfig),
}

/// Why a root cannot be used. The messages name the root and contain no secret.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A root file.
    #[error("the root key {} cannot be used: {cause}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        cause: RootFileError,
    },
    /// A remote root was not available within the time allowed at startup.
    #[error("the root {root} was not ready within {} s: {trouble}", waited.as_secs())]
    Unavailable {
        /// Its kind, key and address.
        root: String,
        /// How long it was retried.
        waited: Duration,
        /// Why the last attempt failed.
        trouble: Trouble,
    },
    /// A remote root refused to be used.
    #[error("the root {root} cannot be used: {trouble}")]
    Refused {
        /// Its kind, key and address.
        root: String,
        /// The cause.
        trouble: Trouble,
    },
    /// The file with a remote root's certificate authority cannot be used.
    #[error("the ca {} of the root {root} cannot be used: it is not a readable PEM file of certificates", path.display())]
    Ca {
        /// The root's kind, key and address.
        root: String,
        /// The file's path.
        path: PathBuf,
    },
    /// The thread for a remote root cannot be started.
    #[error("no thread can be started for the root")]
    Thread(#[source] io::Error),
}

/// Opens a root. Blocks until a remote root is available, for at most its `start_seconds`. The methods of a root may
/// block for some seconds too. In asynchronous code, call them in `spawn_blocking`.
pub fn open(config: &RootConfig) -> Result<Box<dyn Root>, OpenError> {
    match config {
        RootConfig::File { path } => match FileRoot::load(path) {
            Ok(root) => Ok(Box::new(root)),
            Err(cause) => Err(OpenError::File { path: path.clone(), cause }),
        },
        RootConfig::VaultTransit(config) => Ok(Box::new(vault::open(config)?)),
        #[cfg(feature = "aws-kms")]
        RootConfig::AwsKms(config) => Ok(Box::new(kms::open(config)?)),
    }
}

/// The default of `start_seconds`.
fn start_seconds() -> u32 {
    60
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
