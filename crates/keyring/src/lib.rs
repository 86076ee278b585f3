//! The key ring on disk: its file, its changes, and the roots that wrap its keys.
//!
//! crypto-service uses this to load a ring and to follow and change it while it runs; the command line, to make one or
//! to move one to another root while no service runs. What the keys do once they are in memory, sealing and opening,
//! is below this crate, in `postern-envelope`.
//!
//! | folder or file | what |
//! |---|---|
//! | [`ring_file`] | the file's format; loading it, and judging whether one state of it follows from another |
//! | [`change`] | the changes a ring goes through, each under the file's lock |
//! | [`roots`] | what wraps the keys: a file, the Transit engine of `OpenBao` or Vault, or AWS KMS |
//! | [`key_files`] | making a ring, and moving it to another root, from a configuration |
//! | [`embedded`] | root and ring in one folder, for development |
//! | `files` | private files that are whole or not there |

pub mod change;
mod config;
pub mod embedded;
mod files;
pub mod key_files;
mod replica_name;
pub mod ring_file;
pub mod roots;

#[cfg(test)]
mod test_support;

pub use change::{Base, ChangeError, RingChange, RingEditor};
pub use config::KeyringConfig;
pub use replica_name::{InvalidReplicaName, ReplicaName};
pub use ring_file::{LoadedRing, RingFileError};
pub use roots::{FileRoot, Root, RootConfig, RootError, RootFileError};
