//! Names of prepared statements.
//!
//! Behind a pooler in transaction mode, statements of several sessions end up on one server connection. With names that
//! only this session uses, a pipeline that lands on the wrong one is refused (26000), and never runs what another
//! session has prepared under the same name.

use crate::TenantError;

/// The names of one session.
pub(crate) struct Names {
    /// For BEGIN READ ONLY.
    pub begin: String,
    /// For ROLLBACK.
    pub rollback: String,
    random: u64,
    count: u64,
}

impl Names {
    /// Names with 64 random bits.
    pub(crate) fn random() -> Result<Self, TenantError> {
        getrandom::u64().map(Self::new).map_err(|_| TenantError::NoRandomness)
    }

    pub(crate) fn new(random: u64) -> Self {
        let (begin, rollback) = (format!("b{random:016x}"), format!("r{random:016x}"));
        Self { begin, rollback, random, count: 0 }
    }

    /// A name that no statement of this session has had before.
    pub(crate) fn next(&mut self) -> String {
        self.count += 1;
        format!("p{:016x}_{}", self.random, self.count)
    }
}
