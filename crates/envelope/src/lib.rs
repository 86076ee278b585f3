//! The seal: Cobblestone-256, the key ring and the context encoding.
//!
//! A [`Secret`](postern_domain::Secret) is sealed under the ring's primary key and bound to a
//! [`SealContext`]: its owner, its id, its kind of tenant and the digest of the endpoint that may receive it.
//! It opens only with the same context. Used by crypto-service, and by `postern-keyring`, which keeps the keys on disk;
//! the raw cipher is private to this crate.
//!
//! ```
//! use postern_domain::{EndpointDigest, OwnerId, Secret, SecretId, SystemClock, TenantKind};
//! use postern_envelope::{KeyRing, SealContext, SystemEntropy};
//! # let endpoint = EndpointDigest([7; 32]);
//!
//! // A ring in memory only. `postern_keyring::ring_file::load` gives one that lasts.
//! let ring = KeyRing::generate(&SystemEntropy, &SystemClock)?;
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
//! Each is documented beside the code that writes it, and pinned by a test:
//!
//! | what | where |
//! |---|---|
//! | sealed value, `"PSL1" ‖ key id ‖ salt ‖ commitment ‖ chunks` | [`KeyRing::seal`] |
//! | context that a seal is bound to | [`SealContext::encode`] |
//! | salt, commitment and chunks (Cobblestone-256) | `cobblestone` |
//! | wrapped key | [`MasterKey::wrap`] |
//!
//! # What stays in memory
//!
//! Master keys are in locked pages. Master keys, derived keys, cipher states and this crate's plaintexts are wiped when
//! dropped. Bytes that a caller moves out of a `Secret` are wiped when they are freed, by the allocator of all Postern
//! programs. Registers, spilled stack slots and temporaries inside HMAC and HKDF are not wiped, which a library cannot
//! ensure. This is why crypto-service also disables core dumps.

mod cobblestone;
pub mod context;
pub mod entropy;
pub mod key;
pub mod master_key;
pub mod ring;
mod wrap;

#[cfg(any(test, feature = "test-support"))]
pub mod test_support;

pub use context::SealContext;
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use key::{KeyId, KeyInfo, KeyState};
pub use master_key::MasterKey;
pub use ring::{KeyRing, OpenError, Opened, RewrapError, Rewrapped, RingError, SealError};
