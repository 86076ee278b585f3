//! Rows of `postern.connections`.

mod endpoint;
mod store;
mod upsert;

use std::time::Duration;

use postern_domain::{ConnectionId, ConnectionName, Endpoint, SecretName, Version};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

pub use store::ConnectionStore;
pub use upsert::Change;

use crate::StoreError;

/// A saved connection: everything but its secrets. Endpoint and access mode of one version never change.
#[derive(Clone, Debug)]
pub struct SavedConnection {
    /// Minted by the database.
    pub id: ConnectionId,
    /// The owner's name for it.
    pub name: ConnectionName,
    /// Grows by one with every change.
    pub version: Version,
    /// Where it leads.
    pub endpoint: Endpoint,
    /// Since 1970-01-01T00:00:00Z.
    pub created_at: Duration,
    /// Since 1970-01-01T00:00:00Z.
    pub updated_at: Duration,
}

/// A saved connection as its owner manages it.
#[derive(Clone, Debug)]
pub struct OwnConnection {
    /// The connection.
    pub connection: SavedConnection,
    /// Names of the secrets that are stored for it, in their order.
    pub secrets: Vec<SecretName>,
}

/// The columns that [`SavedConnection`] is read from.
macro_rules! columns {
    () => {
        "id, name, version, kind, endpoint::text as endpoint, read_only, \
         (extract(epoch from created_at) * 1000000)::bigint as created_us, \
         (extract(epoch from updated_at) * 1000000)::bigint as updated_us"
    };
}
pub(crate) use columns;

/// The columns that [`OwnConnection`] is read from, of `postern.connections c`.
macro_rules! own_columns {
    () => {
        concat!(
            crate::connections::columns!(),
            ", array(select s.name from postern.secrets s \
                      where s.owner_id = c.owner_id and s.connection_id = c.id order by s.name) as secrets"
        )
    };
}
pub(crate) use own_columns;

impl SavedConnection {
    pub(crate) fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ConnectionId(row.try_get::<Uuid, _>("id")?),
            name: ConnectionName::parse(row.try_get("name")?).map_err(|_| StoreError::Malformed)?,
            version: Version(row.try_get("version")?),
            endpoint: endpoint::read(row)?,
            created_at: micros(row.try_get("created_us")?),
            updated_at: micros(row.try_get("updated_us")?),
        })
    }
}

impl OwnConnection {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let names: Vec<String> = row.try_get("secrets")?;
        let secrets = names.iter().map(|name| SecretName::parse(name).ok_or(StoreError::Malformed));
        Ok(Self { connection: SavedConnection::read(row)?, secrets: secrets.collect::<Result<_, _>>()? })
    }
}

fn micros(since_epoch: i64) -> Duration {
    Duration::from_micros(since_epoch.try_into().unwrap_or_default())
}
