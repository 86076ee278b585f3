//! Rows of `postern.connections`.

mod endpoint;
mod store;
mod upsert;

use std::time::Duration;

use postern_domain::{
    ConnectionId, ConnectionName, Endpoint, SecretLabel, SecretName, Version, supabase::KeySort,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

pub use store::ConnectionStore;
pub use upsert::{Change, NewSecret};

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
    /// The secrets that are stored for it, in the order of their names.
    pub secrets: Vec<OwnSecret>,
}

/// A stored secret, as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSecret {
    /// Which of the connection's secrets.
    pub name: SecretName,
    /// What tells it from others.
    pub label: SecretLabel,
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
            // Three texts a secret.
            ", array(select unnest(array[s.name, coalesce(s.sort, ''), coalesce(s.last_characters, '')]) \
                       from postern.secrets s \
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
        let mut secrets = OwnSecret::read_all(&row.try_get::<Vec<String>, _>("secrets")?)?;
        secrets.sort_unstable_by_key(|secret| secret.name);
        Ok(Self { connection: SavedConnection::read(row)?, secrets })
    }
}

impl OwnSecret {
    /// Reads three texts for each secret.
    fn read_all(texts: &[String]) -> Result<Vec<Self>, StoreError> {
        let (secrets, []) = texts.as_chunks::<3>() else { return Err(StoreError::Malformed) };
        secrets.iter().map(Self::read).collect()
    }

    /// Reads name, sort and last characters; an empty text stands for none.
    fn read([name, sort, last_characters]: &[String; 3]) -> Result<Self, StoreError> {
        let sort = match sort.as_str() {
            "" => None,
            sort => Some(KeySort::parse(sort).ok_or(StoreError::Malformed)?),
        };
        let last_characters = Some(last_characters.clone()).filter(|last| !last.is_empty());
        let name = SecretName::parse(name).ok_or(StoreError::Malformed)?;
        Ok(Self { name, label: SecretLabel { sort, last_characters } })
    }
}

pub(crate) fn micros(since_epoch: i64) -> Duration {
    Duration::from_micros(since_epoch.try_into().unwrap_or_default())
}

/// About how many bytes a connection takes in memory.
pub(crate) fn size(connection: &SavedConnection) -> usize {
    size_of::<SavedConnection>() + endpoint::document(&connection.endpoint).len()
}
