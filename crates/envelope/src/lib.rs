//! The seal: Cobblestone-256, the key ring and the context encoding.
//!
//! A [`Secret`](postern_domain::Secret) is sealed under the ring's primary key and bound to a
//! [`SealContext`]: its owner, its id, its kind of tenant and the digest of the endpoint that may receive it.
//! It opens only with the same context. crypto-service alone uses this crate; the raw cipher is private to
//! it.
//!
//! ```
//! use postern_domain::{EndpointDigest, OwnerId, Secret, SecretId, SystemClock, TenantKind};
//! use postern_envelope::{SealContext, SystemEntropy, embedded};
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let endpoint = EndpointDigest([7; 32]);
//!
//! // Once, at start. With a root of your own: `ring_file::load(path, &root)`.
//! let ring = embedded::load_or_create(folder, &SystemEntropy, &SystemClock)?;
//!
//! // For each secret, with a freshly minted id.
//! let context = SealContext {
//!     owner: OwnerId(uuid::Uuid::new_v4()),
//!     secret: SecretId(uuid::Uuid::new_v4()),
//!     kind: TenantKind::Postgres,
//!     endpoint,
//! };
//! let sealed = ring.seal(&context, &Secret::from_text("hunter2".into()), &SystemEntropy)?;
//! assert_eq!(ring.open(&context, &sealed)?.secret.expose(), b"hunter2");
//!
//! // Another owner's request gets one error, which does not say what was wrong.
//! let foreign = SealContext { owner: OwnerId(uuid::Uuid::new_v4()), ..context };
//! assert!(ring.open(&foreign, &sealed).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Formats
//!
//! Each is written down beside the code that writes it, and fixed by a test:
//!
//! | what | where |
//! |---|---|
//! | sealed value, `"PSL1" ‖ key id ‖ salt ‖ commitment ‖ chunks` | [`KeyRing::seal`] |
//! | context that a seal is bound to | [`SealContext::encode`] |
//! | salt, commitment and chunks (Cobblestone-256) | `cobblestone` |
//! | key ring, versioned JSON | [`ring_file`] |
//! | wrapped key | [`MasterKey::wrap`] |
//! | root file | [`FileRoot`] |
//!
//! # What stays in memory
//!
//! Master keys lie in locked pages. They, derived keys, cipher states and the plaintexts in this crate's hands are
//! wiped when dropped; what a caller moves out of a `Secret` is wiped when it is freed, by the allocator that every
//! program of ours has. Registers, spilled stack slots and temporaries inside HMAC and HKDF are not: that is beyond
//! what a library can promise, and the reason why crypto-service also forbids core dumps.

mod cobblestone;
pub mod context;
pub mod embedded;
pub mod entropy;
mod files;
pub mod key;
mod lineage;
mod loaded_ring;
pub mod master_key;
pub mod ring;
pub mod ring_change;
mod ring_document;
pub mod ring_editor;
pub mod ring_file;
pub mod root;
mod unlock;
mod wrap;

#[cfg(test)]
mod test_support;

pub use context::SealContext;
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use key::{KeyId, KeyInfo, KeyState};
pub use loaded_ring::LoadedRing;
pub use master_key::MasterKey;
pub use ring::{KeyRing, OpenError, Opened, RewrapError, Rewrapped, RingError, SealError};
pub use ring_change::RingChange;
pub use ring_editor::{Base, ChangeError, RingEditor};
pub use ring_file::RingFileError;
pub use root::{FileRoot, Root, RootError, RootFileError};
