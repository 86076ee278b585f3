//! The key ring on disk: its file, its changes, and the roots that wrap its keys.
//!
//! crypto-service loads a ring with this crate, and follows and changes it while it runs. The command line creates
//! rings and moves them to another root. Sealing and opening with the keys in memory is in `postern-envelope`.
//!
//! | folder or file | what |
//! |---|---|
//! | [`ring_file`] | the file's format; loading it, and checking that a newer revision follows from the one in use |
//! | [`change`] | changes of a ring, each under the file's lock |
//! | [`roots`] | the roots that wrap the keys: a file, the Transit engine of `OpenBao` or Vault, or AWS KMS |
//! | [`key_files`] | creating a ring, and moving it to another root, from a configuration |
//! | [`embedded`] | root and ring in one folder, for development |
//! | `files` | private files that are replaced atomically |

pub mod change;
mod config;
pub mod embedded;
mod files;
pub mod key_files;
mod reader;
mod replica_name;
pub mod ring_file;
pub mod roots;

#[cfg(test)]
mod test_support;

pub use change::{Base, ChangeError, RingChange, RingEditor};
pub use config::KeyringConfig;
pub use reader::Reader;
pub use replica_name::{InvalidReplicaName, ReplicaName};
pub use ring_file::{LoadedRing, RingFileError};
pub use roots::{FileRoot, Root, RootConfig, RootError, RootFileError};
