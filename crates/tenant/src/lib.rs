//! Drivers for tenant databases, their pools, and the protection against hostile servers.
//!
//! Each kind of tenant has a module that speaks its protocol: [`postgres`] and [`supabase`]. One pool serves all of
//! them; it holds any type that implements [`Session`]. A new kind brings its session and a function that opens one.
//!
//! A tenant's server is an attacker: every length is checked before a byte of it is buffered, every wait has a
//! deadline, and a server that breaks the protocol loses its connection. The streams come from [`postern_egress`],
//! which dials them.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use postern_domain::{PostgresEndpoint, Secret};
//! # use postern_egress::Dialer;
//! # use postern_tenant::{PoolKey, Pools, PoolLimits, PostgresSession, Statement, TenantError, connect};
//! # use tokio::time::Instant;
//! # async fn example(
//! #     dialer: Dialer, key: PoolKey, endpoint: PostgresEndpoint, password: Secret,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let pools = Pools::<PostgresSession, TenantError>::new(PoolLimits::default());
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let open = async || connect(&dialer, &endpoint, &password, deadline).await;
//! let mut session = pools.acquire(key, deadline, open).await?;
//! let mut rows = session.query(&Statement::new("SELECT 1", deadline)).await?;
//! while let Some(batch) = rows.next_batch().await? {
//!     println!("{} rows", batch.rows);
//! }
//! # Ok(()) }
//! ```

mod background;
mod error;
mod pool;
pub mod postgres;
pub mod supabase;

pub use background::statements_cancelled;
pub use error::{AuthError, SqlError, TenantError};
pub use pool::{AcquireError, Busy, OpenError, PoolKey, PoolLimits, PoolStats, Pooled, Pools, Session};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use postgres::fuzzing;
pub use postgres::{
    result::{
        batch::{ColumnData, ColumnValues, RowBatch},
        column::{Column, Encoding},
    },
    session::{
        PostgresSession,
        bounds::Truncation,
        connect::connect,
        rows::{Rows, Summary},
    },
    statement::{Param, Statement},
};
