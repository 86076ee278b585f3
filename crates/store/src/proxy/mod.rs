//! What proxy-service reads: the caller's own connection, and its seals.

mod batch;
mod known;

use std::{net::IpAddr, sync::Arc};

use postern_domain::{Caller, ConnectionId, ConnectionName, OwnerId, PoolState, Pooling, Version};
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};

use crate::{
    Denied, PoolOptions, Role, SavedConnection, StoreError, StoredSecret,
    connections::columns,
    database::{CALL, Database, finish, within},
    literal, secrets,
    turns::Turns,
};
use batch::{Answer, Ask, Batches, Entry, Head, LANES, Question};
use known::Known;

/// Denials that are read at a time.
const DENIALS: u16 = 1000;

/// Reads the caller's connections. Writes nothing.
///
/// A lookup asks the server each time which version of the connection there is, so that a changed or deleted one is
/// dead for the very next query. What the version is like is read once, since it never changes.
#[derive(Clone)]
pub struct ProxyStore(Arc<Inner>);

struct Inner {
    database: Database,
    lookups: Batches<Database>,
    known: Known,
    /// As many as there are connections beside those of the lookups: more would only wait for those, first come, first
    /// served.
    turns: Turns,
}

impl ProxyStore {
    /// Signs in as `postern_proxy`.
    pub async fn connect(url: &str, pool: PoolOptions) -> Result<Self, StoreError> {
        let database = Database::connect(url, Role::Proxy, pool).await?;
        let connections = usize::try_from(pool.max_connections).unwrap_or(usize::MAX);
        Ok(Self(Arc::new(Inner {
            lookups: Batches::new(database.clone()),
            database,
            known: Known::default(),
            turns: Turns::new(connections.saturating_sub(LANES).max(1), usize::MAX),
        })))
    }

    /// The connections to the server as they are now. Lookups that wait for a round trip count as waiting.
    pub fn pool(&self) -> PoolState {
        let Inner { database, lookups, turns, .. } = &*self.0;
        let state = database.state();
        PoolState { waiting: state.waiting + lookups.waiting() + turns.waiting(), ..state }
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.0.database.ping().await
    }

    /// The address at which the server itself takes this store's connections: behind a pooler, the URL does not tell.
    /// `None` for a socket of its machine.
    pub async fn server_address(&self) -> Result<Option<IpAddr>, StoreError> {
        const ADDRESS: &str = "/* proxy.server_address */ select host(inet_server_addr()) as address";
        let mut lease = self.0.database.lease().await?;
        let row = async { Ok(sqlx::raw_sql(ADDRESS).fetch_one(lease.connection()).await?) };
        let row = within(CALL, row).await;
        let address: Option<String> = lease.settle(row)?.try_get("address")?;
        address.map(|text| text.parse().map_err(|_| StoreError::Malformed)).transpose()
    }

    /// The caller's connection of this name as it is now; `None` if there is none. Fails if an operator has withdrawn
    /// the caller's access or the connection.
    pub async fn look_up(
        &self,
        caller: &Caller,
        name: &ConnectionName,
    ) -> Result<Option<Arc<SavedConnection>>, StoreError> {
        let owner = caller.owner;
        let Head { id, version } = match self.0.lookups.look_up(caller, name).await? {
            Some(Entry::Connection(head)) => head,
            Some(Entry::AccessWithdrawn) => return Err(StoreError::AccessWithdrawn),
            Some(Entry::ConnectionWithdrawn) => return Err(StoreError::ConnectionWithdrawn),
            None => return Ok(None),
        };
        if let Some(known) = self.0.known.get(&(owner, id, version)) {
            return Ok(Some(known));
        }
        // Its answer is newer than the lookup's, and takes its place.
        let Some(read) = self.read(owner, name).await?.map(Arc::new) else { return Ok(None) };
        self.0.known.insert((owner, read.id, read.version), Arc::clone(&read));
        Ok(Some(read))
    }

    /// The whole connection.
    async fn read(
        &self,
        owner: OwnerId,
        name: &ConnectionName,
    ) -> Result<Option<SavedConnection>, StoreError> {
        const READ: &str =
            concat!("/* connections.read */ select ", columns!(), " from postern.look_up_connection");
        let arguments = [literal::uuid(&owner.0), literal::text(name.as_str())];
        let rows = self.rows(owner, READ, &arguments).await?;
        rows.first().map(SavedConnection::read).transpose()
    }

    /// The seals of the owner's connection, in one round trip; `None` if this version of it is gone. To be read for
    /// each session that is opened: a rewrap replaces seals under the same version.
    pub async fn seals(
        &self,
        owner: OwnerId,
        id: ConnectionId,
        version: Version,
    ) -> Result<Option<Vec<StoredSecret>>, StoreError> {
        const SEALS: &str =
            "/* secrets.seals */ select name, secret_id, sealed from postern.connection_seals";
        let arguments = [literal::uuid(&owner.0), literal::uuid(&id.0), version.0.to_string()];
        let rows = self.rows(owner, SEALS, &arguments).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let read = rows.iter().filter_map(|row| secrets::read(row).transpose());
        read.collect::<Result<_, _>>().map(Some)
    }

    /// The first denials after this revision, each with its own, in the order of revisions. Call it again with the last
    /// of them until there are none.
    pub async fn denials_after(&self, revision: i64) -> Result<Vec<(i64, Denied)>, StoreError> {
        let statement = format!(
            "/* denials.after */ select revision, kind, value, issuer from postern.denials
              where revision > {revision} and (expires_at is null or expires_at > now())
              order by revision limit {DENIALS}"
        );
        let mut lease = self.0.database.lease().await?;
        let rows = async { Ok(sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(lease.connection()).await?) };
        let rows = within(CALL, rows).await;
        let rows = lease.settle(rows)?;
        rows.iter().map(|row| Ok((row.try_get("revision")?, Denied::read(row)?))).collect()
    }

    /// Rows of a function, in one round trip. As a text without parameters, since these reads are rare.
    async fn rows(
        &self,
        owner: OwnerId,
        select: &'static str,
        arguments: &[String],
    ) -> Result<Vec<PgRow>, StoreError> {
        let turn = self.0.turns.take(owner).await;
        let (database, statement) = (self.0.database.clone(), format!("{select}({})", arguments.join(", ")));
        finish(async move {
            let _turn = turn;
            let mut lease = database.lease().await?;
            let rows =
                async { Ok(sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(lease.connection()).await?) };
            let rows = within(CALL, rows).await;
            lease.settle(rows)
        })
        .await
    }
}

impl Ask for Database {
    async fn ask(&self, questions: Vec<Question>) -> Result<Vec<Answer>, StoreError> {
        let mut lease = self.lease().await?;
        let asking = async {
            let rows = match self.pooling() {
                Pooling::None => prepared(&questions).fetch_all(lease.connection()).await?,
                Pooling::Transaction => {
                    sqlx::raw_sql(AssertSqlSafe(text(&questions))).fetch_all(lease.connection()).await?
                }
            };
            rows.iter().map(answer).collect()
        };
        let answers = within(CALL, asking).await;
        lease.settle(answers)
    }
}

/// The statement, up to the function's arguments.
macro_rules! look_up {
    () => {
        "/* connections.look_up */ select ordinal, owner_id, id, version, withdrawn from postern.look_up_connections"
    };
}

fn prepared(questions: &[Question]) -> crate::database::PgQuery<'_> {
    let of_each = || questions.iter();
    sqlx::query(concat!(look_up!(), "($1, $2, $3, $4)"))
        .bind(of_each().map(|(caller, _)| caller.owner.0).collect::<Vec<_>>())
        .bind(of_each().map(|(_, name)| name.as_str()).collect::<Vec<_>>())
        .bind(of_each().map(|(caller, _)| &*caller.issuer).collect::<Vec<_>>())
        .bind(of_each().map(|(caller, _)| caller.token_id.as_deref()).collect::<Vec<_>>())
}

fn text(questions: &[Question]) -> String {
    let of_each = || questions.iter();
    let arguments = [
        literal::array("uuid", of_each().map(|(caller, _)| literal::uuid(&caller.owner.0))),
        literal::array("text", of_each().map(|(_, name)| literal::text(name.as_str()))),
        literal::array("text", of_each().map(|(caller, _)| literal::text(&caller.issuer))),
        literal::array(
            "text",
            of_each().map(|(caller, _)| literal::optional(caller.token_id.as_deref(), literal::text)),
        ),
    ];
    format!("{}({})", look_up!(), arguments.join(", "))
}

fn answer(row: &PgRow) -> Result<Answer, StoreError> {
    let entry = match row.try_get::<Option<&str>, _>(4)? {
        None => {
            Entry::Connection(Head { id: ConnectionId(row.try_get(2)?), version: Version(row.try_get(3)?) })
        }
        Some("access") => Entry::AccessWithdrawn,
        Some("connection") => Entry::ConnectionWithdrawn,
        Some(_) => return Err(StoreError::Malformed),
    };
    Ok(Answer { ordinal: row.try_get(0)?, owner: OwnerId(row.try_get(1)?), entry })
}
