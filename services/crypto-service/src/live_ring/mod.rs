//! The key ring in a running replica: held in memory, followed on disk, and reported to the other replicas.
//!
//! ```text
//! <folder>/keyring.json            the ring; every replica reads it, any of them may change it
//! <folder>/keyring.json.lock       held during a change
//! <folder>/replicas/<name>.json    what a replica has loaded, and how often it used each key
//! <folder>/replicas/<name>.lock    held while a replica of this name runs
//! ```

mod claim;
mod follow;
mod gauges;
mod holder;
mod looks;
mod presence;
mod readiness;
mod report;
mod reporter;
mod reports;
mod uses;

#[cfg(test)]
pub(crate) mod test_support;

pub(crate) use claim::{ClaimError, NameClaim};
pub(crate) use follow::follow;
pub(crate) use holder::RingHolder;
pub(crate) use looks::Look;
pub(crate) use readiness::NotReady;
pub(crate) use report::Report;
pub(crate) use reporter::{Before, Reporter};
pub(crate) use reports::{Peer, Reports};
pub(crate) use uses::UseCounts;
