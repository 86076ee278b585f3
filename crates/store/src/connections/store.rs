//! A user's connections, read and written under row level security.

use std::time::Duration;

use postern_domain::{Caller, ConnectionName, OwnerId, PoolState, Version};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;

use super::{Change, OwnConnection, own_columns, upsert};
use crate::{
    PoolOptions, Role, StoreError,
    database::{Database, Scope, as_owner, query},
    turns::{Turn, Turns},
    user_data::{self, Erased, TableCount, UserData},
};

/// Reads and writes the caller's connections. Cannot read a seal. A call on a caller's behalf fails if an operator has
/// withdrawn the caller's access.
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
    pub async fn upsert(&self, caller: Caller, change: Change) -> Result<OwnConnection, StoreError> {
        upsert::upsert(self.database.clone(), self.turn(caller.owner).await?, caller, change).await
    }

    /// The caller's connection of this name.
    pub async fn get(
        &self,
        caller: Caller,
        name: ConnectionName,
    ) -> Result<Option<OwnConnection>, StoreError> {
        const GET: &str = concat!(
            "/* connections.get */ select ",
            own_columns!(),
            " from postern.connections c where owner_id = $1 and name = $2"
        );
        let owner = caller.owner;
        as_owner(&self.database, self.turn(owner).await?, caller, move |tx| {
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
        caller: Caller,
        after: String,
        limit: i64,
    ) -> Result<Vec<OwnConnection>, StoreError> {
        const LIST: &str = concat!(
            "/* connections.list */ select ",
            own_columns!(),
            " from postern.connections c where owner_id = $1 and name collate \"C\" > $2
              order by name collate \"C\" limit $3"
        );
        let owner = caller.owner;
        as_owner(&self.database, self.turn(owner).await?, caller, move |tx| {
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
        caller: Caller,
        name: ConnectionName,
        expected: Option<Version>,
    ) -> Result<bool, StoreError> {
        const DELETE: &str =
            "/* connections.delete */ delete from postern.connections where owner_id = $1 and name = $2";
        let owner = caller.owner;
        as_owner(&self.database, self.turn(owner).await?, caller, move |tx| {
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

    /// Everything that is stored about the owner, without secrets and seals.
    pub async fn export(&self, scope: impl Into<Scope>) -> Result<UserData, StoreError> {
        let scope = scope.into();
        user_data::export(&self.database, self.turn(scope.owner()).await?, scope).await
    }

    /// How many rows of the owner each table holds, in the order of the tables' names.
    pub async fn counts(&self, owner: OwnerId) -> Result<Vec<TableCount>, StoreError> {
        user_data::counts(&self.database, self.turn(owner).await?, owner).await
    }

    /// Erases everything that is stored about the owner, or nothing: unless every table that can hold an owner's data
    /// is seen to hold none of it afterwards, the transaction is rolled back.
    pub async fn erase(&self, scope: impl Into<Scope>) -> Result<Erased, StoreError> {
        let scope = scope.into();
        user_data::erase(&self.database, self.turn(scope.owner()).await?, scope).await
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
