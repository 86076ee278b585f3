//! A service's connections to the control database, and what is between them.

use std::time::Duration;

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

/// How many connections a store may hold, and how long a caller waits for one.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Connections of this store, at most.
    pub max_connections: u32,
    /// Time after which a caller that waits for a connection gets an error.
    pub acquire_timeout: Duration,
    /// What is between this store and the server.
    pub pooling: Pooling,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self { max_connections: 16, acquire_timeout: Duration::from_secs(5), pooling: Pooling::None }
    }
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
