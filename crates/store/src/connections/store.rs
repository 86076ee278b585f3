//! A user's connections, read and written under row level security.

use std::time::Duration;

use postern_domain::{ConnectionName, OwnerId, PoolState, Version};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;

use super::{Change, OwnConnection, own_columns, upsert};
use crate::{
    PoolOptions, Role, StoreError,
    database::{Database, as_owner, query},
    turns::{Turn, Turns},
};

/// Reads and writes the caller's connections. Cannot read a seal.
#[derive(Clone)]
pub struct ConnectionStore {
    database: Database,
    /// Saves of one owner may wait for each other's locks, each on a connection of its own. An owner that waits leaves
    /// three of four connections to the others.
    turns: Turns,
    acquire_timeout: Duration,
}

impl ConnectionStore {
    /// Signs in as `postern_connection`.
    pub async fn connect(url: &str, pool: PoolOptions) -> Result<Self, StoreError> {
        let connections = usize::try_from(pool.max_connections).unwrap_or(usize::MAX);
        Ok(Self {
            database: Database::connect(url, Role::Connection, pool).await?,
            turns: Turns::new(connections, (connections / 4).max(1)),
            acquire_timeout: pool.acquire_timeout,
        })
    }

    /// The connections to the server as they are now.
    pub fn pool(&self) -> PoolState {
        let state = self.database.state();
        PoolState { waiting: state.waiting + self.turns.waiting(), ..state }
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    /// Leave to use a connection for this owner.
    async fn turn(&self, owner: OwnerId) -> Result<Turn, StoreError> {
        timeout(self.acquire_timeout, self.turns.take(owner)).await.map_err(|_| StoreError::Busy)
    }

    /// Creates or changes a connection, in one round trip.
    pub async fn upsert(&self, owner: OwnerId, change: Change) -> Result<OwnConnection, StoreError> {
        upsert::upsert(self.database.clone(), self.turn(owner).await?, owner, change).await
    }

    /// The owner's connection of this name.
    pub async fn get(
        &self,
        owner: OwnerId,
        name: ConnectionName,
    ) -> Result<Option<OwnConnection>, StoreError> {
        const GET: &str = concat!(
            "/* connections.get */ select ",
            own_columns!(),
            " from postern.connections c where owner_id = $1 and name = $2"
        );
        as_owner(&self.database, self.turn(owner).await?, owner, move |tx| {
            Box::pin(async move {
                let row = query(GET).bind(owner.0).bind(name.as_str()).fetch_optional(tx).await?;
                row.as_ref().map(OwnConnection::read).transpose()
            })
        })
        .await
    }

    /// Up to `limit` connections whose names come after `after`, in the order of their names.
    pub async fn list(
        &self,
        owner: OwnerId,
        after: String,
        limit: i64,
    ) -> Result<Vec<OwnConnection>, StoreError> {
        const LIST: &str = concat!(
            "/* connections.list */ select ",
            own_columns!(),
            " from postern.connections c where owner_id = $1 and name collate \"C\" > $2
              order by name collate \"C\" limit $3"
        );
        as_owner(&self.database, self.turn(owner).await?, owner, move |tx| {
            Box::pin(async move {
                let rows = query(LIST).bind(owner.0).bind(after).bind(limit).fetch_all(tx).await?;
                rows.iter().map(OwnConnection::read).collect()
            })
        })
        .await
    }

    /// Deletes a connection and its secrets; `false` if there was none.
    pub async fn delete(
        &self,
        owner: OwnerId,
        name: ConnectionName,
        expected: Option<Version>,
    ) -> Result<bool, StoreError> {
        const DELETE: &str =
            "/* connections.delete */ delete from postern.connections where owner_id = $1 and name = $2";
        as_owner(&self.database, self.turn(owner).await?, owner, move |tx| {
            Box::pin(async move {
                let Some(current) = lock(tx, owner, &name).await? else { return Ok(false) };
                if expected.is_some_and(|expected| expected != current.connection.version) {
                    return Err(StoreError::VersionStale);
                }
                query(DELETE).bind(owner.0).bind(name.as_str()).execute(tx).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// Locks the row and then reads it, so that what is decided on it still holds when it is written.
///
/// Two statements in one message: the second one's snapshot is taken once the lock is held, so that it sees the secrets
/// of the save that the lock was waiting for. `None` also if the row appeared between the two.
async fn lock(
    tx: &mut PgConnection,
    owner: OwnerId,
    name: &ConnectionName,
) -> Result<Option<OwnConnection>, StoreError> {
    // A UUID and a name have no character that would need escaping.
    let lock = format!(
        "/* connections.lock */ select from postern.connections where owner_id = '{owner}' and name = '{name}' for update;
         /* connections.read_locked */ select {} from postern.connections c where owner_id = '{owner}' and name = '{name}'",
        own_columns!()
    );
    match sqlx::raw_sql(AssertSqlSafe(lock)).fetch_all(tx).await?.as_slice() {
        [_locked, row] => OwnConnection::read(row).map(Some),
        _ => Ok(None),
    }
}
