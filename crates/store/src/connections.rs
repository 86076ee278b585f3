//! A user's connections, read and written under row level security.

use postern_domain::{
    AccessMode, ConnectionName, OwnerId, PostgresEndpoint, SecretId, TenantKind, Version,
    limits::CONNECTIONS_PER_OWNER,
};
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow};

use crate::{
    Role, SavedConnection, StoreError, role, row,
    scope::{PgQuery, as_owner, query},
};

/// Reads and writes the caller's connections. Cannot read a seal.
#[derive(Clone)]
pub struct ConnectionStore(PgPool);

/// A secret as crypto-service sealed it.
#[derive(Clone)]
pub struct SealedSecret {
    /// Minted for this sealing; part of the seal's context.
    pub id: SecretId,
    /// The seal.
    pub sealed: Vec<u8>,
}

/// A connection as it is to be.
#[derive(Clone)]
pub struct Change {
    /// The owner's name for it.
    pub name: ConnectionName,
    /// Where it leads.
    pub endpoint: PostgresEndpoint,
    /// A new secret; `None` keeps the stored one, which the endpoint's digest must allow.
    pub secret: Option<SealedSecret>,
    /// The version it starts from; `Some(Version(0))`: it must not exist; `None`: whatever is stored.
    pub expected: Option<Version>,
}

impl ConnectionStore {
    /// Signs in as `postern_connection`.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        role::connect(url, Role::Connection).await.map(Self)
    }

    /// Creates or changes a connection.
    pub async fn upsert(&self, owner: OwnerId, change: Change) -> Result<SavedConnection, StoreError> {
        as_owner(&self.0, owner, move |tx| Box::pin(async move { upsert(tx, owner, &change).await })).await
    }

    /// The owner's connection of this name.
    pub async fn get(
        &self,
        owner: OwnerId,
        name: ConnectionName,
    ) -> Result<Option<SavedConnection>, StoreError> {
        as_owner(&self.0, owner, move |tx| Box::pin(async move { get(tx, &name).await })).await
    }

    /// Up to `limit` connections whose names come after `after`, in the order of their names.
    pub async fn list(
        &self,
        owner: OwnerId,
        after: String,
        limit: i64,
    ) -> Result<Vec<SavedConnection>, StoreError> {
        const LIST: &str = concat!(
            "select ",
            row::columns!(),
            " from postern.connections where name collate \"C\" > $1 order by name collate \"C\" limit $2"
        );
        as_owner(&self.0, owner, move |tx| {
            Box::pin(async move {
                let rows = query(LIST).bind(after).bind(limit).fetch_all(tx).await?;
                rows.iter().map(SavedConnection::read).collect()
            })
        })
        .await
    }

    /// Deletes a connection; `false` if there was none.
    pub async fn delete(
        &self,
        owner: OwnerId,
        name: ConnectionName,
        expected: Option<Version>,
    ) -> Result<bool, StoreError> {
        as_owner(&self.0, owner, move |tx| {
            Box::pin(async move {
                let Some(current) = lock(tx, &name).await? else { return Ok(false) };
                if expected.is_some_and(|expected| expected != current.version) {
                    return Err(StoreError::VersionStale);
                }
                query("delete from postern.connections where name = $1")
                    .bind(name.as_str())
                    .execute(tx)
                    .await?;
                Ok(true)
            })
        })
        .await
    }
}

async fn get(tx: &mut PgConnection, name: &ConnectionName) -> Result<Option<SavedConnection>, StoreError> {
    const GET: &str = concat!("select ", row::columns!(), " from postern.connections where name = $1");
    let row = query(GET).bind(name.as_str()).fetch_optional(tx).await?;
    row.as_ref().map(SavedConnection::read).transpose()
}

/// Reads and locks the row, so that what is decided on it still holds when it is written.
async fn lock(tx: &mut PgConnection, name: &ConnectionName) -> Result<Option<SavedConnection>, StoreError> {
    const LOCK: &str =
        concat!("select ", row::columns!(), " from postern.connections where name = $1 for update");
    let row = query(LOCK).bind(name.as_str()).fetch_optional(tx).await?;
    row.as_ref().map(SavedConnection::read).transpose()
}

async fn upsert(
    tx: &mut PgConnection,
    owner: OwnerId,
    change: &Change,
) -> Result<SavedConnection, StoreError> {
    match write(tx, owner, change).await? {
        Some(row) => SavedConnection::read(&row),
        // Another transaction created the row after it was found missing. It is there now, to be changed.
        None if change.expected.is_none() => {
            let row = write(tx, owner, change).await?.ok_or(StoreError::VersionStale)?;
            SavedConnection::read(&row)
        }
        None => Err(StoreError::VersionStale),
    }
}

/// Writes the change; `None` if a row of the name appeared meanwhile.
async fn write(tx: &mut PgConnection, owner: OwnerId, change: &Change) -> Result<Option<PgRow>, StoreError> {
    let current = lock(tx, &change.name).await?;
    let version = current.as_ref().map_or(Version(0), |row| row.version);
    if change.expected.is_some_and(|expected| expected != version) {
        return Err(StoreError::VersionStale);
    }
    match (&current, &change.secret) {
        (None, Some(secret)) => insert(tx, owner, change, secret).await,
        (Some(_), Some(secret)) => update_all(tx, change, secret).await.map(Some),
        (Some(row), None) if row.endpoint.digest() == change.endpoint.digest() => {
            update_rest(tx, change).await.map(Some)
        }
        (_, None) => Err(StoreError::SecretRequired),
    }
}

async fn insert(
    tx: &mut PgConnection,
    owner: OwnerId,
    change: &Change,
    secret: &SealedSecret,
) -> Result<Option<PgRow>, StoreError> {
    const INSERT: &str = concat!(
        "insert into postern.connections (name, kind, host, port, database, username, tls_mode, ca_pem, read_only,
                secret_id, sealed, owner_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (owner_id, name) do nothing returning ",
        row::columns!()
    );
    let count: i64 =
        query("select count(*) as n from postern.connections").fetch_one(&mut *tx).await?.try_get("n")?;
    if count >= CONNECTIONS_PER_OWNER {
        return Err(StoreError::TooMany);
    }
    let query = bind_secret(bind_endpoint(query(INSERT), change), secret).bind(owner.0);
    Ok(query.fetch_optional(tx).await?)
}

async fn update_all(
    tx: &mut PgConnection,
    change: &Change,
    secret: &SealedSecret,
) -> Result<PgRow, StoreError> {
    const UPDATE: &str = concat!(
        "update postern.connections set kind = $2, host = $3, port = $4, database = $5, username = $6, tls_mode = $7,
                ca_pem = $8, read_only = $9, secret_id = $10, sealed = $11, version = version + 1, updated_at = now()
          where name = $1 returning ",
        row::columns!()
    );
    let query = bind_secret(bind_endpoint(query(UPDATE), change), secret);
    Ok(query.fetch_one(tx).await?)
}

/// Leaves the seal as it is; the endpoint's digest has been found equal.
async fn update_rest(tx: &mut PgConnection, change: &Change) -> Result<PgRow, StoreError> {
    const UPDATE: &str = concat!(
        "update postern.connections set kind = $2, host = $3, port = $4, database = $5, username = $6, tls_mode = $7,
                ca_pem = $8, read_only = $9, version = version + 1, updated_at = now()
          where name = $1 returning ",
        row::columns!()
    );
    Ok(bind_endpoint(query(UPDATE), change).fetch_one(tx).await?)
}

/// `$1` to `$9`: name, kind, host, port, database, user, TLS mode, CA, read-only.
fn bind_endpoint<'q>(query: PgQuery<'q>, change: &'q Change) -> PgQuery<'q> {
    let endpoint = &change.endpoint;
    query
        .bind(change.name.as_str())
        .bind(TenantKind::Postgres.as_str())
        .bind(endpoint.host.to_string())
        .bind(i32::from(endpoint.port))
        .bind(endpoint.database.as_str())
        .bind(endpoint.user.as_str())
        .bind(endpoint.tls_mode.as_str())
        .bind(endpoint.ca.as_pem())
        .bind(endpoint.access_mode == AccessMode::ReadOnly)
}

/// The next two: the secret's id and its seal.
fn bind_secret<'q>(query: PgQuery<'q>, secret: &'q SealedSecret) -> PgQuery<'q> {
    query.bind(secret.id.0).bind(secret.sealed.as_slice())
}
