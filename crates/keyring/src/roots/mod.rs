//! Roots: what wraps the keys of the ring, opened from their configuration.
//!
//! A root is asked when a ring is loaded or changed, never to seal or open: while a remote root is away, secrets are
//! still served, and only changes of the ring fail. What a remote root answered is kept out of errors and logs; they
//! name the root and what an operator can do.

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
use serde::Deserialize;

pub use address::{Address, InvalidAddress};
pub use file::{FileRoot, RootFileError};
#[cfg(feature = "aws-kms")]
pub use kms::KmsConfig;
pub use trouble::Trouble;
pub use vault::{InvalidPath, VaultAuth, VaultConfig, VaultPath};

/// Wraps and unwraps the keys of a ring. Called when a ring is loaded or changed, never to seal or open,
/// so that an implementation may block.
pub trait Root: Send + Sync {
    /// Name of the root's kind, as the ring file states it.
    fn kind(&self) -> &'static str;

    /// Wraps a key so that it unwraps only under the same id.
    fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError>;

    /// The reverse of [`Root::wrap_key`].
    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError>;
}

/// Why a root did not wrap or unwrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Wrapped by another root, for another id, or changed since.
    #[error("the key was not wrapped by this root under this id")]
    Foreign,
    /// A remote root was not reached, is sealed, or answered with an error of its own. Asking again may help.
    #[error("the root does not answer; check that its service is up, unsealed and reachable from here")]
    Unavailable,
    /// A remote root does not let this service use its key. Asking again does not help before somebody acts.
    #[error("the root refuses this service; check its credential, what that may do, and the key's name")]
    Denied,
    /// No random salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// What unwraps the keys of the ring.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RootConfig {
    /// A file of 32 random bytes that nobody else may read.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// A key of the Transit engine of `OpenBao` or Vault.
    VaultTransit(VaultConfig),
    /// A symmetric key of AWS KMS, in builds with the feature `aws-kms`.
    #[cfg(feature = "aws-kms")]
    AwsKms(KmsConfig),
}

/// Why a root cannot be used. The messages name the root and hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A root file.
    #[error("the root key {} cannot be used", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        source: RootFileError,
    },
    /// A remote root did not answer for as long as it had been given at start.
    #[error("the root {root} was not ready within {} s: {trouble}", waited.as_secs())]
    Unavailable {
        /// Its kind, key and address.
        root: String,
        /// For how long it was asked again.
        waited: Duration,
        /// What stood in the way the last time.
        trouble: Trouble,
    },
    /// A remote root answered, and does not let itself be used.
    #[error("the root {root} cannot be used: {trouble}")]
    Refused {
        /// Its kind, key and address.
        root: String,
        /// What stands in the way.
        trouble: Trouble,
    },
    /// The file with a remote root's certificate authority.
    #[error("the ca {} of the root {root} cannot be used: it is not a readable PEM file of certificates", path.display())]
    Ca {
        /// The root's kind, key and address.
        root: String,
        /// The file's path.
        path: PathBuf,
    },
    /// No thread for a remote root.
    #[error("no thread can be started for the root")]
    Thread(#[source] io::Error),
}

/// Opens a root. Blocks until a remote one has answered, at the longest for the time that its configuration gives it at
/// start; from asynchronous code, call it in `spawn_blocking`. So do the root's own methods, for some seconds.
pub fn open(config: &RootConfig) -> Result<Box<dyn Root>, OpenError> {
    match config {
        RootConfig::File { path } => match FileRoot::load(path) {
            Ok(root) => Ok(Box::new(root)),
            Err(source) => Err(OpenError::File { path: path.clone(), source }),
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
