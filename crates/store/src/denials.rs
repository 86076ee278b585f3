//! What operators have denied: users, tokens, issuers' users, tenants' hosts, connections.

use std::time::Duration;

use postern_domain::{ConnectionId, Host, OwnerId};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    PoolOptions, Role, StoreError,
    connections::micros,
    database::{CALL, Database, query, transaction},
};

/// What a denial is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// A user, whatever the token.
    Owner(OwnerId),
    /// One token: its `iss` and its `jti`.
    Token {
        /// Who issued it.
        issuer: String,
        /// Its `jti`.
        id: String,
    },
    /// Every user of an issuer: the `iss` of their tokens.
    Issuer(String),
    /// Connections that lead to this host, of any user.
    Host(Host),
    /// One saved connection.
    Connection(ConnectionId),
}

impl Denied {
    /// The columns kind, value and issuer.
    fn columns(&self) -> (&'static str, String, &str) {
        match self {
            Self::Owner(owner) => ("owner", owner.to_string(), ""),
            Self::Token { issuer, id } => ("jti", id.clone(), issuer),
            Self::Issuer(issuer) => ("issuer", issuer.clone(), ""),
            Self::Host(host) => ("host", host.to_string(), ""),
            Self::Connection(connection) => ("connection", connection.to_string(), ""),
        }
    }

    /// An owner, by id.
    pub fn owner(id: &str) -> Option<Self> {
        Uuid::try_parse(id).ok().map(|id| Self::Owner(OwnerId(id)))
    }

    /// A connection, by id.
    pub fn connection(id: &str) -> Option<Self> {
        Uuid::try_parse(id).ok().map(|id| Self::Connection(ConnectionId(id)))
    }

    /// What it is about: a kind, and the value of that kind.
    pub fn describe(&self) -> (&'static str, String) {
        let (kind, value, _) = self.columns();
        (kind, value)
    }

    /// Reads the columns `kind`, `value` and `issuer`.
    pub(crate) fn read(row: &PgRow) -> Result<Self, StoreError> {
        let value: &str = row.try_get("value")?;
        let uuid = || Uuid::try_parse(value).map_err(|_| StoreError::Malformed);
        match row.try_get("kind")? {
            "owner" => Ok(Self::Owner(OwnerId(uuid()?))),
            "jti" => Ok(Self::Token { issuer: row.try_get("issuer")?, id: value.to_owned() }),
            "issuer" => Ok(Self::Issuer(value.to_owned())),
            "host" => Host::parse(value).map(Self::Host).map_err(|_| StoreError::Malformed),
            "connection" => Ok(Self::Connection(ConnectionId(uuid()?))),
            _ => Err(StoreError::Malformed),
        }
    }
}

/// A denial in force.
#[derive(Clone, Debug)]
pub struct Denial {
    /// What is denied.
    pub denied: Denied,
    /// Why, for operators; may be empty.
    pub note: String,
    /// Since 1970-01-01T00:00:00Z.
    pub created_at: Duration,
    /// Since 1970-01-01T00:00:00Z; `None`: until it is removed.
    pub expires_at: Option<Duration>,
}

/// Adds, lists and removes denials. For operators.
#[derive(Clone)]
pub struct DenialStore(Database);

/// Taken for every change, so that revisions become visible in their order.
const TAKE_TURN: &str =
    "/* denials.turn */ select pg_advisory_xact_lock(hashtextextended('postern.denials', 0))";

impl DenialStore {
    /// Signs in as `postern_operator`.
    pub async fn connect(url: &str, pool: PoolOptions) -> Result<Self, StoreError> {
        Database::connect(url, Role::Operator, pool).await.map(Self)
    }

    /// Denies something from now on, or changes note and expiry if it is denied already. `lifetime`: how long; `None`:
    /// until it is removed. Also forgets denials that have expired.
    pub async fn add(
        &self,
        denied: &Denied,
        note: &str,
        lifetime: Option<Duration>,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "/* denials.forget */ delete from postern.denials where expires_at <= now()";
        const ADD: &str = "/* denials.add */
            insert into postern.denials as d (kind, value, issuer, note, expires_at)
            values ($1, $2, $3, $4, now() + make_interval(secs => $5))
            on conflict (kind, value, issuer) do update
               set note = excluded.note, expires_at = excluded.expires_at, created_at = default, revision = default";
        let (kind, value, issuer) = denied.columns();
        let (issuer, note) = (issuer.to_owned(), note.to_owned());
        transaction(&self.0, CALL, "begin", move |connection| {
            Box::pin(async move {
                query(TAKE_TURN).execute(&mut *connection).await?;
                query(FORGET).execute(&mut *connection).await?;
                let add = query(ADD).bind(kind).bind(value).bind(issuer).bind(note);
                add.bind(lifetime.map(|lifetime| lifetime.as_secs_f64())).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Ends a denial; `false` if there was none in force.
    pub async fn remove(&self, denied: &Denied) -> Result<bool, StoreError> {
        const REMOVE: &str = "/* denials.remove */
            delete from postern.denials where kind = $1 and value = $2 and issuer = $3
            returning expires_at is null or expires_at > now() as in_force";
        let (kind, value, issuer) = denied.columns();
        let remove = query(REMOVE).bind(kind).bind(value).bind(issuer.to_owned());
        let removed = transaction(&self.0, CALL, "begin", |connection| {
            Box::pin(async move { Ok(remove.fetch_optional(connection).await?) })
        })
        .await?;
        removed.map_or(Ok(false), |row| Ok(row.try_get("in_force")?))
    }

    /// The denials in force, the oldest first.
    pub async fn list(&self) -> Result<Vec<Denial>, StoreError> {
        const LIST: &str = "/* denials.list */
            select kind, value, issuer, note, (extract(epoch from created_at) * 1000000)::bigint as created_us,
                   (extract(epoch from expires_at) * 1000000)::bigint as expires_us
              from postern.denials where expires_at is null or expires_at > now() order by revision";
        let rows = transaction(&self.0, CALL, "begin", |connection| {
            Box::pin(async move { Ok(query(LIST).fetch_all(connection).await?) })
        })
        .await?;
        rows.iter().map(Denial::read).collect()
    }
}

impl Denial {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            denied: Denied::read(row)?,
            note: row.try_get("note")?,
            created_at: micros(row.try_get("created_us")?),
            expires_at: row.try_get::<Option<i64>, _>("expires_us")?.map(micros),
        })
    }
}
