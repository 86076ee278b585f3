//! Seals of all owners, to be replaced by seals under a newer key.

use std::time::Duration;

use postern_domain::{ConnectionId, EndpointDigest, OwnerId, SealedSecret, TenantKind};
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};

use super::sealed;
use crate::{
    PoolOptions, Role, StoreError,
    database::{CALL, Database, Lease, query, transaction, within},
};

/// Reads and replaces seals. Opens none, and writes nothing else.
#[derive(Clone)]
pub struct RewrapStore(Database);

/// A secret's place in the walk: by owner, then by connection, then by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Whose it is.
    pub owner: OwnerId,
    /// The connection.
    pub connection: ConnectionId,
    /// Which of the connection's secrets. As text: a newer release may know more names.
    pub name: String,
}

/// A row of the walk.
pub struct SealRow {
    /// Where it is in the walk.
    pub place: Place,
    /// Its seal; `None` if the row does not have the form that this release writes.
    pub seal: Option<StoredSeal>,
}

/// A seal, with what it is bound to besides its owner.
#[derive(Clone)]
pub struct StoredSeal {
    /// Kind of tenant.
    pub kind: TenantKind,
    /// Digest of the endpoint it was sealed for.
    pub endpoint: EndpointDigest,
    /// The secret's id and its seal.
    pub secret: SealedSecret,
}

/// Advisory lock held by the background rewrap job, so that one replica at a time runs it. Manual runs don't need it.
///
/// It belongs to a transaction, which a transaction-mode pooler leaves on one connection, and is released when that
/// ends, however it ends.
pub struct RewrapLock(Lease);

/// The key of [`RewrapLock`]: "pstnrwrp" in ASCII.
const LOCK: i64 = i64::from_be_bytes(*b"pstnrwrp");

/// Time for a page of seals, and for replacing one, which may wait for a save. Longer than the role's `lock_timeout`.
const STEP: Duration = Duration::from_secs(30);

/// Time for reading all seals: a little more than the role's `statement_timeout` in roles.sql.
const SCAN: Duration = Duration::from_secs(10 * 60 + 10);

impl RewrapLock {
    /// Releases the lock.
    pub async fn end(self) -> Result<(), StoreError> {
        let Self(mut lease) = self;
        let commit = async { Ok(sqlx::raw_sql("commit").execute(lease.connection()).await?) };
        let ended = within(CALL, commit).await;
        lease.settle(ended).map(drop)
    }
}

/// Seals under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealCount {
    /// The key's id; 0, which no key has, for values that are not seals.
    pub key_id: u32,
    /// Seals under it.
    pub seals: i64,
    /// Owners of these seals.
    pub owners: i64,
}

impl RewrapStore {
    /// Signs in as `postern_rewrap`.
    pub async fn connect(url: &str, pool: PoolOptions) -> Result<Self, StoreError> {
        Database::connect(url, Role::Rewrap, pool).await.map(Self)
    }

    /// Takes the lock of the background job; `None` while another replica holds it.
    pub async fn try_lock(&self) -> Result<Option<RewrapLock>, StoreError> {
        let begin = format!("begin; /* secrets.lock */ select pg_try_advisory_xact_lock({LOCK}) as taken");
        let mut lease = self.0.lease().await?;
        let taken = async {
            let row = sqlx::raw_sql(AssertSqlSafe(begin)).fetch_one(lease.connection()).await?;
            Ok(row.try_get("taken")?)
        };
        match within(CALL, taken).await {
            Ok(true) => Ok(Some(RewrapLock(lease))),
            Ok(false) => RewrapLock(lease).end().await.map(|()| None),
            // The transaction may be open, so the connection is not used again.
            Err(error) => {
                drop(lease);
                Err(error)
            }
        }
    }

    /// Up to `limit` rows after `after`, without those whose seal is under the key `except`.
    pub async fn page(
        &self,
        after: Option<&Place>,
        except: Option<u32>,
        limit: i64,
    ) -> Result<Vec<SealRow>, StoreError> {
        const PAGE: &str =
            "/* secrets.page */ select owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest
               from postern.secrets
              where ($1::uuid is null or (owner_id, connection_id, name) > ($1, $2, $3))
                and ($4::bigint is null or key_id <> $4)
              order by owner_id, connection_id, name limit $5";
        // The planner expects the policies to leave this role one row in two hundred. For a table of some ten thousand
        // rows it would read the whole table for each page, instead of the page's part of the index.
        const BEGIN: &str = "begin; set local enable_seqscan = off; set local enable_bitmapscan = off";
        let rows = query(PAGE)
            .bind(after.map(|place| place.owner.0))
            .bind(after.map(|place| place.connection.0))
            .bind(after.map(|place| place.name.clone()))
            .bind(except.map(i64::from))
            .bind(limit);
        let rows = transaction(&self.0, STEP, BEGIN, |connection| {
            Box::pin(async move { Ok(rows.fetch_all(connection).await?) })
        })
        .await?;
        rows.iter().map(SealRow::read).collect()
    }

    /// Puts a new seal of the same secret in place of `read`. `false` if the row no longer holds that seal: a save that
    /// came in between wins.
    pub async fn replace(&self, place: &Place, read: &StoredSeal, sealed: &[u8]) -> Result<bool, StoreError> {
        // One statement: cut off at any point, the row holds one whole seal. In a transaction, since a pooler may
        // otherwise give its preparation and its execution to two sessions.
        let update = query(
            "/* secrets.replace */ update postern.secrets set sealed = $6
              where owner_id = $1 and connection_id = $2 and name = $3 and secret_id = $4 and sealed = $5",
        )
        .bind(place.owner.0)
        .bind(place.connection.0)
        .bind(place.name.clone())
        .bind(read.secret.id.0)
        .bind(read.secret.sealed.clone())
        .bind(sealed.to_vec());
        let done = transaction(&self.0, STEP, "begin", |connection| {
            Box::pin(async move { Ok(update.execute(connection).await?) })
        })
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Seals under each key, in the order of the keys' ids.
    pub async fn counts(&self) -> Result<Vec<SealCount>, StoreError> {
        const COUNTS: &str =
            "/* secrets.counts */ select key_id, count(*) as seals, count(distinct owner_id) as owners
               from postern.secrets group by key_id order by key_id";
        let rows = transaction(&self.0, SCAN, "begin", |connection| {
            Box::pin(async move { Ok(query(COUNTS).fetch_all(connection).await?) })
        })
        .await?;
        rows.iter().map(SealCount::read).collect()
    }
}

impl SealRow {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let place = Place {
            owner: OwnerId(row.try_get("owner_id")?),
            connection: ConnectionId(row.try_get("connection_id")?),
            name: row.try_get("name")?,
        };
        match StoredSeal::read(row) {
            Ok(seal) => Ok(Self { place, seal: Some(seal) }),
            Err(StoreError::Malformed) => Ok(Self { place, seal: None }),
            Err(error) => Err(error),
        }
    }
}

impl StoredSeal {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let digest = row.try_get::<Vec<u8>, _>("endpoint_digest")?;
        Ok(Self {
            kind: TenantKind::parse(row.try_get("kind")?).ok_or(StoreError::Malformed)?,
            endpoint: EndpointDigest(digest.try_into().map_err(|_| StoreError::Malformed)?),
            secret: sealed(row)?,
        })
    }
}

impl SealCount {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            key_id: row.try_get::<i64, _>("key_id")?.try_into().map_err(|_| StoreError::Malformed)?,
            seals: row.try_get("seals")?,
            owners: row.try_get("owners")?,
        })
    }
}
