//! Creating or changing a connection together with its secrets: one call of `postern.save_connection`, which is one
//! transaction and one round trip.

use postern_domain::{
    AccessMode, Caller, ConnectionId, ConnectionName, Endpoint, Pooling, SealedSecret, SecretLabel,
    SecretName, Version, limits::CONNECTIONS_PER_OWNER, supabase::KeySort,
};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};

use super::{OwnConnection, OwnSecret, SavedConnection, endpoint, micros};
use crate::{
    StoreError,
    database::{CALL, Database, finish, within},
    literal,
    turns::Turn,
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

/// Saves the change. If the caller goes away, it is saved nevertheless, or not at all.
pub(super) async fn upsert(
    database: Database,
    turn: Turn,
    caller: Caller,
    change: Change,
) -> Result<OwnConnection, StoreError> {
    finish(async move {
        let _turn = turn;
        let mut lease = database.lease().await?;
        let pooling = database.pooling();
        let saved = within(CALL, save(lease.connection(), pooling, &caller, &change)).await;
        read(&lease.settle(saved)?, change)
    })
    .await
}

/// The beginning of the statement, up to the function's arguments.
macro_rules! save {
    () => {
        "/* connections.save */ select outcome, saved_id, saved_version, created_us, updated_us, kept
           from postern.save_connection"
    };
}

async fn save(
    connection: &mut PgConnection,
    pooling: Pooling,
    caller: &Caller,
    change: &Change,
) -> Result<PgRow, StoreError> {
    let slots = Slots::of(change);
    Ok(match pooling {
        Pooling::None => prepared(connection, caller, change, slots).await?,
        Pooling::Transaction => {
            let statement = text(caller, change, &slots);
            sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(connection).await?
        }
    })
}

/// One element for each secret that the kind may hold.
#[derive(Default)]
struct Slots<'a> {
    names: Vec<&'static str>,
    digests: Vec<Vec<u8>>,
    required: Vec<bool>,
    removed: Vec<bool>,
    ids: Vec<Option<uuid::Uuid>>,
    seals: Vec<Option<&'a [u8]>>,
    sorts: Vec<Option<&'static str>>,
    lasts: Vec<Option<&'a str>>,
}

impl<'a> Slots<'a> {
    fn of(change: &'a Change) -> Self {
        let mut slots = Self::default();
        for &name in change.endpoint.kind().secrets() {
            let given = change.secrets.iter().find(|given| given.name == name);
            slots.names.push(name.as_str());
            slots.digests.push(change.endpoint.seal_digest(name).0.to_vec());
            slots.required.push(change.endpoint.requires(name));
            slots.removed.push(change.removed.contains(&name));
            slots.ids.push(given.map(|given| given.secret.id.0));
            slots.seals.push(given.map(|given| given.secret.sealed.as_slice()));
            slots.sorts.push(given.and_then(|given| given.label.sort.map(KeySort::as_str)));
            slots.lasts.push(given.and_then(|given| given.label.last_characters.as_deref()));
        }
        slots
    }
}

async fn prepared(
    connection: &mut PgConnection,
    caller: &Caller,
    change: &Change,
    slots: Slots<'_>,
) -> Result<PgRow, sqlx::Error> {
    const SAVE: &str =
        concat!(save!(), "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)");
    sqlx::query(SAVE)
        .bind(caller.owner.0)
        .bind(change.name.as_str())
        .bind(change.endpoint.kind().as_str())
        .bind(endpoint::document(&change.endpoint))
        .bind(is_read_only(change))
        .bind(change.expected.map(|version| version.0))
        .bind(CONNECTIONS_PER_OWNER)
        .bind(slots.names)
        .bind(slots.digests)
        .bind(slots.required)
        .bind(slots.removed)
        .bind(slots.ids)
        .bind(slots.seals)
        .bind(slots.sorts)
        .bind(slots.lasts)
        .bind(&*caller.issuer)
        .bind(caller.token_id.as_deref())
        .fetch_one(connection)
        .await
}

/// The same as a text without parameters.
fn text(caller: &Caller, change: &Change, slots: &Slots<'_>) -> String {
    let arguments = [
        literal::uuid(&caller.owner.0),
        literal::text(change.name.as_str()),
        literal::text(change.endpoint.kind().as_str()),
        literal::text(&endpoint::document(&change.endpoint)),
        is_read_only(change).to_string(),
        change.expected.map_or("null".to_owned(), |version| version.0.to_string()),
        CONNECTIONS_PER_OWNER.to_string(),
        literal::array("text", slots.names.iter().map(|name| literal::text(name))),
        literal::array("bytea", slots.digests.iter().map(|digest| literal::bytes(digest))),
        literal::array("boolean", slots.required.iter().map(bool::to_string)),
        literal::array("boolean", slots.removed.iter().map(bool::to_string)),
        literal::array("uuid", slots.ids.iter().map(|id| literal::optional(id.as_ref(), literal::uuid))),
        literal::array("bytea", slots.seals.iter().map(|seal| literal::optional(*seal, literal::bytes))),
        literal::array("text", slots.sorts.iter().map(|sort| literal::optional(*sort, literal::text))),
        literal::array("text", slots.lasts.iter().map(|last| literal::optional(*last, literal::text))),
        literal::text(&caller.issuer),
        literal::optional(caller.token_id.as_deref(), literal::text),
    ];
    format!("{}({})", save!(), arguments.join(", "))
}

fn is_read_only(change: &Change) -> bool {
    change.endpoint.access_mode() == AccessMode::ReadOnly
}

/// The connection as it is after the change.
fn read(row: &PgRow, change: Change) -> Result<OwnConnection, StoreError> {
    match row.try_get("outcome")? {
        "saved" => {}
        "stale" => return Err(StoreError::VersionStale),
        "secret_required" => return Err(StoreError::SecretRequired),
        "too_many" => return Err(StoreError::TooMany),
        "access_withdrawn" => return Err(StoreError::AccessWithdrawn),
        "connection_withdrawn" => return Err(StoreError::ConnectionWithdrawn),
        _ => return Err(StoreError::Malformed),
    }
    let mut secrets = OwnSecret::read_all(&row.try_get::<Vec<String>, _>("kept")?)?;
    secrets.extend(change.secrets.into_iter().map(|new| OwnSecret { name: new.name, label: new.label }));
    secrets.sort_unstable_by_key(|secret| secret.name);
    let connection = SavedConnection {
        id: ConnectionId(row.try_get("saved_id")?),
        name: change.name,
        version: Version(row.try_get("saved_version")?),
        endpoint: change.endpoint,
        created_at: micros(row.try_get("created_us")?),
        updated_at: micros(row.try_get("updated_us")?),
    };
    Ok(OwnConnection { connection, secrets })
}
