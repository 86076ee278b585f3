//! What is between a service and the control database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Connections of a service to the control database at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// As many may exist.
    pub limit: usize,
    /// In the hands of a call.
    pub used: usize,
    /// Open and unused.
    pub idle: usize,
    /// Calls that wait for one.
    pub waiting: usize,
}

/// The pooler between a service and the server of the control database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// No pooler, or one in session mode. Statements are prepared once for each connection. Set wrongly, statements
    /// fail: the pooler hands them to sessions that do not know them.
    #[default]
    None,
    /// A pooler in transaction mode, such as `PgBouncer` or Supavisor on port 6543. Nothing may be left behind in a
    /// session, so statements are sent as text. Set wrongly, everything works, but the server parses and plans each
    /// statement anew.
    Transaction,
}
