//! What proxy-service reads: the caller's own connection, and its seals.

use postern_domain::{ConnectionId, ConnectionName, OwnerId, Version};
use sqlx::{AssertSqlSafe, PgPool};

use crate::{
    PoolOptions, Role, SavedConnection, StoreError, StoredSecret, connect, connections::columns, secrets,
};

/// Reads the caller's connections. Writes nothing.
#[derive(Clone)]
pub struct ProxyStore(PgPool);

// Both statements are single messages without a prepared statement: nothing is left on the server, so that they work
// behind a transaction-mode pooler. UUIDs, names and numbers have no character that would need escaping.
impl ProxyStore {
    /// Signs in as `postern_proxy`.
    pub async fn connect(url: &str, pool: PoolOptions) -> Result<Self, StoreError> {
        connect::pool(url, Role::Proxy, pool).await.map(Self)
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        connect::ping(&self.0).await
    }

    /// The owner's connection of this name as it is now, in one round trip; `None` if there is none.
    pub async fn look_up(
        &self,
        owner: OwnerId,
        name: &ConnectionName,
    ) -> Result<Option<SavedConnection>, StoreError> {
        const LOOK_UP: &str =
            concat!("/* connections.look_up */ select ", columns!(), " from postern.look_up_connection");
        let look_up = format!("{LOOK_UP}('{owner}', '{name}')");
        let row = sqlx::raw_sql(AssertSqlSafe(look_up)).fetch_optional(&self.0).await?;
        row.as_ref().map(SavedConnection::read).transpose()
    }

    /// The seals of the owner's connection, in one round trip; `None` if this version of it is gone. To be read for
    /// each session that is opened: a rewrap replaces seals under the same version.
    pub async fn seals(
        &self,
        owner: OwnerId,
        id: ConnectionId,
        version: Version,
    ) -> Result<Option<Vec<StoredSecret>>, StoreError> {
        let seals = format!(
            "/* secrets.seals */ select name, secret_id, sealed
               from postern.connection_seals('{owner}', '{id}', {})",
            version.0
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(seals)).fetch_all(&self.0).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let read = rows.iter().filter_map(|row| secrets::read(row).transpose());
        read.collect::<Result<_, _>>().map(Some)
    }
}
