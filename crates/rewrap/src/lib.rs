//! Rewraps stored seals under the primary key, without ever seeing the secrets.
//!
//! [`Job`] walks the secrets of all owners in the order of owner, connection and name, sends crypto-service up to 100
//! seals at a time, and replaces each seal by its new one. `postern rewrap` runs it once;
//! connection-service may run it at intervals.
//!
//! * **Nothing is lost.** A row changes in one statement, from one whole seal to another of the same secret, and only
//!   if it still holds the seal that was read: a concurrent save wins. The job can be interrupted at any point, and
//!   any number of jobs can run at once.
//! * **No state is kept.** The rows themselves show which are left. To resume an interrupted job, start it again.
//! * **Nothing is skipped.** A row that fails is reported and does not stop the others. The walk is repeated until it
//!   finds nothing more to do, so that seals saved behind it are found too. A seal that cannot be opened is sent once.

mod broken;
mod error;
mod job;
mod pace;
mod report;

pub use error::RewrapError;
pub use job::Job;
pub use postern_crypto_client::RewrapFailed;
pub use report::{Failure, Report};
