//! Drivers for tenant databases, their pools, and the guard against hostile servers.
//!
//! A tenant's server is an attacker: every length is checked before a byte of it is buffered, every wait has an end,
//! and whatever breaks the protocol loses its connection. The protocol is driven here, over streams that
//! [`postern_egress`] has dialled; the crate `postgres-protocol` writes the messages and does SCRAM.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use postern_domain::{PostgresEndpoint, Secret};
//! # use postern_egress::Dialer;
//! # use postern_tenant::{PoolKey, Pools, PoolLimits, Statement, TenantError, connect};
//! # use tokio::time::Instant;
//! # async fn example(
//! #     dialer: Dialer, key: PoolKey, endpoint: PostgresEndpoint, password: Secret,
//! # ) -> Result<(), TenantError> {
//! let pools = Pools::new(PoolLimits::default());
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let open = async || connect(&dialer, &endpoint, &password, deadline).await;
//! let mut connection = pools.acquire(key, deadline, open).await?;
//! let mut rows = connection.query(&Statement::new("SELECT 1", deadline)).await?;
//! while let Some(batch) = rows.next_batch().await? {
//!     println!("{} rows", batch.rows);
//! }
//! # Ok(()) }
//! ```

mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod pool;
mod result;
mod session;
mod statement;
pub mod supabase;
mod wire;

pub use error::{AuthError, SqlError, TenantError};
pub use pool::{PoolKey, PoolLimits, PoolStats, Pooled, Pools};
pub use result::{
    batch::{ColumnData, ColumnValues, RowBatch},
    column::{Column, Encoding},
};
pub use session::{
    connect::connect,
    connection::PostgresConnection,
    rows::{Rows, Summary, Truncation},
};
pub use statement::{Param, Statement};

#[cfg(test)]
mod fake;
