//! Who makes a request.

use std::{fmt, sync::Arc};

use crate::OwnerId;

/// The caller of a request, with everything by which an operator can withdraw access. From a verified token. Cheap to
/// clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The owner of the caller's rows.
    pub owner: OwnerId,
    /// The token's `iss`.
    pub issuer: Arc<str>,
    /// The token's `jti`. Not every issuer sets one.
    pub token_id: Option<Arc<str>>,
}

/// Only the owner: a token's id must not be logged.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("owner", &self.owner).finish_non_exhaustive()
    }
}
