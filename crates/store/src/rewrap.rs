//! Seals of all owners, to be replaced by seals under a newer key.

use postern_domain::{ConnectionId, EndpointDigest, OwnerId, SecretId, TenantKind, Version};
use sqlx::{PgPool, Postgres, Row, Transaction, postgres::PgRow};

use crate::{
    Role, SealedSecret, StoreError, role, row,
    scope::{query, transaction},
};

/// Reads and replaces seals. Opens none, and writes nothing else.
#[derive(Clone)]
pub struct RewrapStore(PgPool);

/// A connection's place in the walk: by owner, then by id.
pub type Place = (OwnerId, ConnectionId);

/// A row of the walk.
pub struct SealRow {
    /// Where it is in the walk.
    pub place: Place,
    /// Its seal; `None` if the row does not have the form that this build writes.
    pub seal: Option<StoredSeal>,
}

/// A seal, with what it is bound to besides its owner.
#[derive(Clone)]
pub struct StoredSeal {
    /// Kind of tenant.
    pub kind: TenantKind,
    /// Digest of the connection's endpoint.
    pub endpoint: EndpointDigest,
    /// The secret's id and its seal.
    pub secret: SealedSecret,
    version: Version,
}

/// The right to rewrap unasked: one task has it at a time, however many services run. Whoever asked may rewrap without.
///
/// A lock of a transaction, which a transaction-mode pooler leaves on one connection; it is given up when that ends, by
/// whatever end.
pub struct Turn(Transaction<'static, Postgres>);

/// The lock of [`Turn`]: "pstnrwrp" in ASCII.
const TURN: i64 = i64::from_be_bytes(*b"pstnrwrp");

impl Turn {
    /// Lets another have it.
    pub async fn end(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

/// How much is sealed under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealCount {
    /// The key's id; 0, which no key has, for what is not a seal of ours.
    pub key_id: u32,
    /// Seals under it.
    pub seals: i64,
    /// Owners of these seals.
    pub owners: i64,
}

/// The key id of `postern.connections.sealed`: bytes 5 to 8, behind the format's name. As bytes, which compare and
/// group like the number.
macro_rules! key_id {
    () => {
        "case when substring(sealed for 4) = 'PSL1'::bytea then substring(sealed from 5 for 4) \
              else '\\x00000000'::bytea end"
    };
}

impl RewrapStore {
    /// Signs in as `postern_rewrap`.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        role::connect(url, Role::Rewrap).await.map(Self)
    }

    /// The turn, unless another has it.
    pub async fn turn(&self) -> Result<Option<Turn>, StoreError> {
        let mut transaction = self.0.begin().await?;
        let lock = query("select pg_try_advisory_xact_lock($1) as taken").bind(TURN);
        let taken = lock.fetch_one(&mut *transaction).await?.try_get("taken")?;
        Ok(if taken { Some(Turn(transaction)) } else { None })
    }

    /// Up to `limit` rows behind `after`, without those whose seal is under the key `except`.
    pub async fn page(
        &self,
        after: Option<Place>,
        except: Option<u32>,
        limit: i64,
    ) -> Result<Vec<SealRow>, StoreError> {
        const PAGE: &str = concat!(
            "select id, owner_id, version, kind, host, port, database, username, tls_mode, ca_pem, read_only,
                    secret_id, sealed
               from postern.connections
              where ($1::uuid is null or (owner_id, id) > ($1, $2)) and ($3::bytea is null or ",
            key_id!(),
            " <> $3) order by owner_id, id limit $4"
        );
        // The planner takes the policies to leave this role one row in two hundred. It would rather read a table of
        // some ten thousand rows as a whole, for each page, than the part of the index that the page is in.
        const BEGIN: &str = "begin; set local enable_seqscan = off; set local enable_bitmapscan = off";
        let rows = query(PAGE)
            .bind(after.map(|(owner, _)| owner.0))
            .bind(after.map(|(_, id)| id.0))
            .bind(except.map(|id| id.to_be_bytes().to_vec()))
            .bind(limit);
        let rows = transaction(&self.0, BEGIN.to_owned(), |connection| {
            Box::pin(async move { Ok(rows.fetch_all(connection).await?) })
        })
        .await?;
        rows.iter().map(SealRow::read).collect()
    }

    /// Puts a new seal of the same secret in place of `read`. `false` if the row is not as it was read: a save that
    /// came in between wins.
    pub async fn replace(&self, place: Place, read: &StoredSeal, sealed: &[u8]) -> Result<bool, StoreError> {
        // One statement, and all of it or nothing: cut off at any point, the row holds one whole seal. In a
        // transaction, since a pooler may give its preparation and its execution to two sessions otherwise.
        let update = query(
            "update postern.connections set sealed = $5
              where id = $1 and version = $2 and secret_id = $3 and sealed = $4",
        )
        .bind(place.1.0)
        .bind(read.version.0)
        .bind(read.secret.id.0)
        .bind(read.secret.sealed.clone())
        .bind(sealed.to_vec());
        let done = transaction(&self.0, "begin".to_owned(), |connection| {
            Box::pin(async move { Ok(update.execute(connection).await?) })
        })
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// How much is sealed under which key, in the order of the keys' ids.
    pub async fn counts(&self) -> Result<Vec<SealCount>, StoreError> {
        const COUNTS: &str = concat!(
            "select key_id, count(*) as seals, count(distinct owner_id) as owners
               from (select owner_id, ",
            key_id!(),
            " as key_id from postern.connections) as sealed group by key_id order by key_id"
        );
        let rows = transaction(&self.0, "begin".to_owned(), |connection| {
            Box::pin(async move { Ok(query(COUNTS).fetch_all(connection).await?) })
        })
        .await?;
        rows.iter().map(SealCount::read).collect()
    }
}

impl SealRow {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let place = (OwnerId(row.try_get("owner_id")?), ConnectionId(row.try_get("id")?));
        match StoredSeal::read(row) {
            Ok(seal) => Ok(Self { place, seal: Some(seal) }),
            Err(StoreError::Malformed) => Ok(Self { place, seal: None }),
            Err(error) => Err(error),
        }
    }
}

impl StoredSeal {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            kind: TenantKind::parse(row.try_get("kind")?).ok_or(StoreError::Malformed)?,
            endpoint: row::endpoint(row)?.digest(),
            secret: SealedSecret { id: SecretId(row.try_get("secret_id")?), sealed: row.try_get("sealed")? },
            version: Version(row.try_get("version")?),
        })
    }
}

impl SealCount {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        let key_id = row.try_get::<Vec<u8>, _>("key_id")?;
        let key_id = key_id.try_into().map_err(|_| StoreError::Malformed)?;
        Ok(Self {
            key_id: u32::from_be_bytes(key_id),
            seals: row.try_get("seals")?,
            owners: row.try_get("owners")?,
        })
    }
}
