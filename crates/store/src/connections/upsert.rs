//! Creating or changing a connection together with its secrets, in one transaction.

use postern_domain::{
    AccessMode, ConnectionName, Endpoint, OwnerId, SealedSecret, SecretLabel, SecretName, Version,
    limits::CONNECTIONS_PER_OWNER, supabase::KeySort,
};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};

use super::{OwnConnection, OwnSecret, SavedConnection, columns, endpoint, store::lock};
use crate::{
    StoreError,
    scope::{PgQuery, query},
};

/// A connection as it is to be.
#[derive(Clone)]
pub struct Change {
    /// The owner's name for it.
    pub name: ConnectionName,
    /// Where it leads.
    pub endpoint: Endpoint,
    /// New secrets, each name once. The others are kept, if the endpoint's digest is still the one they were sealed
    /// for.
    pub secrets: Vec<NewSecret>,
    /// Stored secrets to delete.
    pub removed: Vec<SecretName>,
    /// The version it starts from; `Some(Version(0))`: it must not exist; `None`: any.
    pub expected: Option<Version>,
}

/// A secret to store.
#[derive(Clone)]
pub struct NewSecret {
    /// Which of the connection's secrets.
    pub name: SecretName,
    /// What its owner may see of it.
    pub label: SecretLabel,
    /// The sealed secret.
    pub secret: SealedSecret,
}

pub(super) async fn upsert(
    tx: &mut PgConnection,
    owner: OwnerId,
    change: &Change,
) -> Result<OwnConnection, StoreError> {
    match write(tx, owner, change).await? {
        Some(saved) => Ok(saved),
        // Another transaction created the row after it was found missing. It is there now, to be changed.
        None if change.expected.is_none() => write(tx, owner, change).await?.ok_or(StoreError::VersionStale),
        None => Err(StoreError::VersionStale),
    }
}

/// Writes the change; `None` if a row of the name appeared meanwhile.
async fn write(
    tx: &mut PgConnection,
    owner: OwnerId,
    change: &Change,
) -> Result<Option<OwnConnection>, StoreError> {
    let current = lock(tx, owner, &change.name).await?;
    let version = current.as_ref().map_or(Version(0), |current| current.connection.version);
    if change.expected.is_some_and(|expected| expected != version) {
        return Err(StoreError::VersionStale);
    }
    let kept = current.as_ref().map(|current| kept_secrets(current, change)).unwrap_or_default();
    refuse_missing_secret(current.as_ref(), change, &kept)?;
    let row = match current {
        None => insert(tx, owner, change).await?,
        Some(_) => Some(update(tx, owner, change, &kept).await?),
    };
    let Some(row) = row else { return Ok(None) };
    Ok(Some(OwnConnection { connection: SavedConnection::read(&row)?, secrets: secrets_after(change, kept) }))
}

/// The stored secrets that stay: those that are not replaced, unless the seals were made for another endpoint.
fn kept_secrets(current: &OwnConnection, change: &Change) -> Vec<OwnSecret> {
    if current.connection.endpoint.digest() != change.endpoint.digest() {
        return Vec::new();
    }
    let stays =
        |secret: &&OwnSecret| !is_given(change, secret.name) && !change.removed.contains(&secret.name);
    current.secrets.iter().filter(stays).cloned().collect()
}

/// A secret must be given if the endpoint requires it, or if it is stored and its seal does not fit the new endpoint:
/// no secret is lost silently.
fn refuse_missing_secret(
    current: Option<&OwnConnection>,
    change: &Change,
    kept: &[OwnSecret],
) -> Result<(), StoreError> {
    let stored = current.map(|current| current.secrets.as_slice()).unwrap_or_default();
    let is_stored = |name| stored.iter().any(|secret| secret.name == name) && !change.removed.contains(&name);
    let needed = |name| change.endpoint.requires(name) || is_stored(name);
    let missing = change.endpoint.kind().secrets().iter().any(|&name| {
        needed(name) && !is_given(change, name) && !kept.iter().any(|secret| secret.name == name)
    });
    if missing { Err(StoreError::SecretRequired) } else { Ok(()) }
}

fn is_given(change: &Change, name: SecretName) -> bool {
    change.secrets.iter().any(|given| given.name == name)
}

fn secrets_after(change: &Change, mut kept: Vec<OwnSecret>) -> Vec<OwnSecret> {
    kept.extend(change.secrets.iter().map(|new| OwnSecret { name: new.name, label: new.label.clone() }));
    kept.sort_unstable_by_key(|secret| secret.name);
    kept
}

/// The given secrets: `$6` to `$11`.
macro_rules! given {
    () => {
        "given as (select * from unnest($6::text[], $7::uuid[], $8::bytea[], $9::bytea[], $10::text[], $11::text[])
                     as g(name, secret_id, sealed, endpoint_digest, sort, last_characters))"
    };
}

async fn insert(tx: &mut PgConnection, owner: OwnerId, change: &Change) -> Result<Option<PgRow>, StoreError> {
    const INSERT: &str = concat!(
        "/* connections.insert */ with changed as (
             insert into postern.connections (owner_id, name, kind, endpoint, read_only)
             values ($1, $2, $3, $4::jsonb, $5)
             on conflict (owner_id, name) do nothing returning *),",
        given!(),
        ", added as (
             insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest,
                                          sort, last_characters)
             select c.owner_id, c.id, g.name, g.secret_id, g.sealed, $3, g.endpoint_digest, g.sort, g.last_characters
               from changed c, given g)
         select ",
        columns!(),
        " from changed"
    );
    refuse_one_too_many(tx, owner).await?;
    Ok(bind(query(INSERT), owner, change).fetch_optional(tx).await?)
}

/// Counts under a lock that other inserts of the same owner wait for, until this transaction ends.
///
/// Two statements in one message: the count's snapshot is taken once the lock is held.
async fn refuse_one_too_many(tx: &mut PgConnection, owner: OwnerId) -> Result<(), StoreError> {
    let count = format!(
        "/* connections.lock_owner */ select pg_advisory_xact_lock(hashtextextended('postern.owner {owner}', 0));
         /* connections.count */ select count(*) as n from postern.connections where owner_id = '{owner}'"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(count)).fetch_all(tx).await?;
    let count: i64 = rows.last().ok_or(StoreError::Malformed)?.try_get("n")?;
    if count < CONNECTIONS_PER_OWNER { Ok(()) } else { Err(StoreError::TooMany) }
}

/// Writes the row, replaces or adds the given secrets, and deletes those that are neither given nor kept. Not with
/// `on conflict`: reading `excluded.sealed` would take the right to read seals.
async fn update(
    tx: &mut PgConnection,
    owner: OwnerId,
    change: &Change,
    kept: &[OwnSecret],
) -> Result<PgRow, StoreError> {
    const UPDATE: &str = concat!(
        "/* connections.update */ with changed as (
             update postern.connections
                set kind = $3, endpoint = $4::jsonb, read_only = $5, version = version + 1, updated_at = now()
              where owner_id = $1 and name = $2 returning *),",
        given!(),
        ", replaced as (
             update postern.secrets s
                set secret_id = g.secret_id, sealed = g.sealed, kind = $3, endpoint_digest = g.endpoint_digest,
                    sort = g.sort, last_characters = g.last_characters
               from changed c, given g
              where s.owner_id = c.owner_id and s.connection_id = c.id and s.name = g.name returning s.name),
         added as (
             insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest,
                                          sort, last_characters)
             select c.owner_id, c.id, g.name, g.secret_id, g.sealed, $3, g.endpoint_digest, g.sort, g.last_characters
               from changed c, given g
              where g.name not in (select name from replaced)),
         dropped as (
             delete from postern.secrets s using changed c
              where s.owner_id = c.owner_id and s.connection_id = c.id and s.name <> all ($6) and s.name <> all ($12))
         select ",
        columns!(),
        " from changed"
    );
    let kept: Vec<_> = kept.iter().map(|secret| secret.name.as_str()).collect();
    Ok(bind(query(UPDATE), owner, change).bind(kept).fetch_one(tx).await?)
}

/// `$1` to `$11`: owner, name, kind, document, read-only; names, ids, seals, digests and labels of the secrets.
fn bind<'q>(query: PgQuery<'q>, owner: OwnerId, change: &'q Change) -> PgQuery<'q> {
    let secrets = &change.secrets;
    query
        .bind(owner.0)
        .bind(change.name.as_str())
        .bind(change.endpoint.kind().as_str())
        .bind(endpoint::document(&change.endpoint))
        .bind(change.endpoint.access_mode() == AccessMode::ReadOnly)
        .bind(secrets.iter().map(|new| new.name.as_str()).collect::<Vec<_>>())
        .bind(secrets.iter().map(|new| new.secret.id.0).collect::<Vec<_>>())
        .bind(secrets.iter().map(|new| new.secret.sealed.as_slice()).collect::<Vec<_>>())
        .bind(secrets.iter().map(|new| change.endpoint.seal_digest(new.name).0.to_vec()).collect::<Vec<_>>())
        .bind(secrets.iter().map(|new| new.label.sort.map(KeySort::as_str)).collect::<Vec<_>>())
        .bind(secrets.iter().map(|new| new.label.last_characters.as_deref()).collect::<Vec<_>>())
}
