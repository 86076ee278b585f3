//! Replaces seals under old keys by seals under the primary one, without ever seeing what is sealed.
//!
//! [`Job`] walks the connections of all owners in the order of owner and id, hands crypto-service up to 100 seals at a
//! time, and puts each new seal in place of the very one that it was made from. `postern rewrap` runs it once;
//! connection-service may run it from time to time.
//!
//! * **Nothing is lost.** A row changes in one statement, from one whole seal to another of the same secret, and only
//!   if it still is as it was read: a save that comes in between wins. The job may be cut off at any point, and any
//!   number of jobs may run at once.
//! * **Nothing needs to be kept.** Which rows are left shows in the rows themselves; to resume is to start again.
//! * **Nothing is skipped.** A row that fails is reported and does not stop the others. The walk is repeated until one
//!   has found nothing more to do, so that what was saved behind its back is found too; a seal that does not open is
//!   sent once.

mod broken;
mod crypto;
mod error;
mod job;
mod pace;
mod report;

pub use error::RewrapError;
pub use job::Job;
pub use report::{Failure, Report};
