//! Clients of crypto-service, one type for each privilege, so that a service's types show what it may do.
//!
//! * [`Sealer`] seals secrets of the caller. For connection-service.
//! * [`Opener`] opens seals of the caller. For proxy-service.
//! * [`Rewrapper`] rewraps seals under the primary key. For the rewrap job.
//!
//! Each takes a channel from `chassis::mtls`, which spreads calls over the replicas. Users' calls have a deadline of
//! two seconds, and are tried at another replica where one does not answer; the channel's own deadline is for the
//! rewrap job. A failed call is logged once, with the whole chain of its causes; the caller gets a
//! [`postern_rpc::Problem`] that names none of them.

mod context;
mod failure;
mod opener;
mod patience;
mod rewrapper;
pub mod seal;
mod sealer;

pub use context::SealContext;
pub use opener::Opener;
pub use postern_chassis::mtls::CryptoChannel;
pub use rewrapper::{Rewrap, RewrapFailed, Rewrapped, Rewrapper};
pub use sealer::Sealer;
