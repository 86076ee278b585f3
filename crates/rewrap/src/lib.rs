//! Replaces seals under old keys with seals under the primary one, without ever seeing what is sealed.
//!
//! [`Job`] walks the secrets of all owners in the order of owner, connection and name, sends crypto-service up to 100
//! seals at a time, and puts each new seal in place of the one that it was made from. `postern rewrap` runs it once;
//! connection-service may run it at intervals.
//!
//! * **Nothing is lost.** A row changes in one statement, from one whole seal to another of the same secret, and only
//!   if it still holds the seal that was read: a save that comes in between wins. The job may be cut off at any point,
//!   and any number of jobs may run at once.
//! * **No state is kept.** The rows themselves show which are left; to resume is to start again.
//! * **Nothing is skipped.** A row that fails is reported and does not stop the others. The walk is repeated until it
//!   finds nothing more to do, so that seals saved behind it are found too; a seal that does not open is sent once.

mod broken;
mod error;
mod job;
mod pace;
mod report;

pub use error::RewrapError;
pub use job::Job;
pub use postern_crypto_client::RewrapFailed;
pub use report::{Failure, Report};
