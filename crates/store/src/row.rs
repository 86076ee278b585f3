//! Rows of `postern.connections`, without their seals.

use std::time::Duration;

use postern_domain::{
    AccessMode, CaBundle, ConnectionId, ConnectionName, Host, PostgresEndpoint, TlsMode, Version,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::StoreError;

/// A saved connection: everything but the secret.
#[derive(Clone, Debug)]
pub struct SavedConnection {
    /// Minted by the database.
    pub id: ConnectionId,
    /// The owner's name for it.
    pub name: ConnectionName,
    /// Grows by one with every change.
    pub version: Version,
    /// Where it leads.
    pub endpoint: PostgresEndpoint,
    /// Since 1970-01-01T00:00:00Z.
    pub created_at: Duration,
    /// Since 1970-01-01T00:00:00Z.
    pub updated_at: Duration,
}

/// The columns that [`SavedConnection`] is read from.
macro_rules! columns {
    () => {
        "id, name, version, host, port, database, username, tls_mode, ca_pem, read_only, \
         (extract(epoch from created_at) * 1000000)::bigint as created_us, \
         (extract(epoch from updated_at) * 1000000)::bigint as updated_us"
    };
}
pub(crate) use columns;

impl SavedConnection {
    pub(crate) fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ConnectionId(row.try_get::<Uuid, _>("id")?),
            name: ConnectionName::parse(row.try_get("name")?).map_err(|_| StoreError::Malformed)?,
            version: Version(row.try_get("version")?),
            endpoint: endpoint(row)?,
            created_at: micros(row.try_get("created_us")?),
            updated_at: micros(row.try_get("updated_us")?),
        })
    }
}

/// Where a row leads.
pub(crate) fn endpoint(row: &PgRow) -> Result<PostgresEndpoint, StoreError> {
    Ok(PostgresEndpoint {
        host: Host::parse(row.try_get("host")?).map_err(|_| StoreError::Malformed)?,
        port: row.try_get::<i32, _>("port")?.try_into().map_err(|_| StoreError::Malformed)?,
        database: row.try_get("database")?,
        user: row.try_get("username")?,
        tls_mode: TlsMode::parse(row.try_get("tls_mode")?).ok_or(StoreError::Malformed)?,
        ca: CaBundle::parse(row.try_get("ca_pem")?).map_err(|_| StoreError::Malformed)?,
        access_mode: if row.try_get("read_only")? { AccessMode::ReadOnly } else { AccessMode::ReadWrite },
    })
}

fn micros(since_epoch: i64) -> Duration {
    Duration::from_micros(since_epoch.try_into().unwrap_or_default())
}
