//! A user's connections, read and written under row level security.

use postern_domain::{ConnectionName, OwnerId, Version};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Change, OwnConnection, own_columns, upsert};
use crate::{
    PoolOptions, Role, StoreError,
    database::{Database, as_owner, query},
    user_data::{self, Erased, TableCount, UserData},
};

/// Reads and writes the caller's connections. Cannot read a seal.
#[derive(Clone)]
pub struct ConnectionStore(Database);

impl ConnectionStore {
    /// Signs in as `postern_connection`.
    pub async fn connect(url: &str, pool: PoolOptions) -> Result<Self, StoreError> {
        Database::connect(url, Role::Connection, pool).await.map(Self)
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }

    /// Creates or changes a connection, in one round trip.
    pub async fn upsert(&self, owner: OwnerId, change: Change) -> Result<OwnConnection, StoreError> {
        upsert::upsert(self.0.clone(), owner, change).await
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
        as_owner(&self.0, owner, move |tx| {
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
        as_owner(&self.0, owner, move |tx| {
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
        as_owner(&self.0, owner, move |tx| {
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
    pub async fn export(&self, owner: OwnerId) -> Result<UserData, StoreError> {
        user_data::export(&self.0, owner).await
    }

    /// How many rows of the owner each table holds, in the order of the tables' names.
    pub async fn counts(&self, owner: OwnerId) -> Result<Vec<TableCount>, StoreError> {
        user_data::counts(&self.0, owner).await
    }

    /// Erases everything that is stored about the owner, or nothing: unless every table that can hold an owner's data
    /// is seen to hold none of it afterwards, the transaction is rolled back.
    pub async fn erase(&self, owner: OwnerId) -> Result<Erased, StoreError> {
        user_data::erase(&self.0, owner).await
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
