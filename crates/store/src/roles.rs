//! The roles of the control database, and their provisioning by an administrator.

use postern_domain::Secret;
use postgres_protocol::password;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{StoreError, connect};

/// Roles that can sign in. Beside them there is `postern_owner`, which cannot, and which owns the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Changes the schema.
    Migrator,
    /// The caller's rows, read and write, without the seals.
    Connection,
    /// The caller's rows with their seals, read only.
    Proxy,
    /// The seals of all owners and what they are bound to; writes seals only.
    Rewrap,
    /// What operators have denied, and nothing else.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Migrator, Self::Connection, Self::Proxy, Self::Rewrap, Self::Operator];

    /// Name of the role in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Migrator => "postern_migrator",
            Self::Connection => "postern_connection",
            Self::Proxy => "postern_proxy",
            Self::Rewrap => "postern_rewrap",
            Self::Operator => "postern_operator",
        }
    }
}

/// Names of [`Role::ALL`].
pub const LOGIN_ROLES: [&str; 5] = [
    Role::Migrator.name(),
    Role::Connection.name(),
    Role::Proxy.name(),
    Role::Rewrap.name(),
    Role::Operator.name(),
];

/// SQLSTATE of a missing privilege.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// SQL that creates any missing roles and grants them the rights they need on the database in which it is run.
pub fn roles_sql() -> String {
    include_str!("roles.sql").replace("LOGIN_ROLES", &LOGIN_ROLES.join(","))
}

/// Creates any missing roles, as a superuser or as the database's owner with CREATEROLE: all of them or none.
///
/// `passwords` returns a role's new password; with `None` the role keeps its password, and a new role has none. Running
/// it again is safe.
pub async fn prepare_roles(url: &str, passwords: impl Fn(&str) -> Option<Secret>) -> Result<(), StoreError> {
    let mut admin = connect::operator(url).await?;
    let mut transaction = admin.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(roles_sql())).execute(&mut *transaction).await.map_err(refused)?;
    refuse_closed_database(&mut transaction).await?;
    for role in LOGIN_ROLES {
        if let Some(password) = passwords(role) {
            set_password(&mut transaction, role, &password).await.map_err(refused)?;
        }
    }
    transaction.commit().await?;
    Ok(admin.close().await?)
}

/// Lets only Postern's roles connect: for a database that holds nothing else.
pub async fn keep_others_out(url: &str) -> Result<(), StoreError> {
    let mut admin = connect::operator(url).await?;
    let database: String =
        sqlx::query_scalar("select quote_ident(current_database())").fetch_one(&mut admin).await?;
    let revoke = format!("revoke all on database {database} from public");
    sqlx::raw_sql(AssertSqlSafe(revoke)).execute(&mut admin).await?;
    Ok(admin.close().await?)
}

/// The state of a database, for an operator.
#[derive(Debug)]
pub struct Survey {
    /// Version of the schema; `None` before the first migration.
    pub schema_version: Option<i32>,
    /// Names of [`LOGIN_ROLES`] that are missing.
    pub missing_roles: Vec<String>,
    /// Names of [`LOGIN_ROLES`] that bypass row level security.
    pub unbound_roles: Vec<String>,
    /// Names of the services' roles whose statements the server does not end.
    pub untimed_roles: Vec<String>,
}

/// Roles without one of the settings that roles.sql makes for them, in this database or in all.
const UNTIMED: &str = "
    select r.rolname::text
      from pg_roles r
      join (values ('postern_connection', array['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']),
                   ('postern_proxy', array['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']),
                   ('postern_rewrap', array['statement_timeout', 'lock_timeout']),
                   ('postern_operator', array['statement_timeout', 'lock_timeout'])) as needed (role, settings)
        on needed.role = r.rolname
     where exists (
         select from unnest(needed.settings) as setting
          where not exists (
              select from pg_db_role_setting s, unnest(s.setconfig) as made
               where s.setrole = r.oid and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
                 and made like setting || '=%' and made not in (setting || '=0', setting || '=')))";

/// Inspects a database as `postern_migrator`. Changes nothing.
pub async fn survey(url: &str) -> Result<Survey, StoreError> {
    let mut connection = connect::operator(url).await?;
    // One transaction, so that a pooler in transaction mode sends all of it to one session.
    let mut migrator = connection.begin().await?;
    let roles = LOGIN_ROLES.map(str::to_owned);
    let missing =
        "select role from unnest($1) role where not exists (select from pg_roles where rolname = role)";
    let missing_roles = sqlx::query_scalar(missing).bind(roles.clone()).fetch_all(&mut *migrator).await?;
    let unbound = "select rolname::text from pg_roles where rolname = any($1) and (rolsuper or rolbypassrls)";
    let unbound_roles = sqlx::query_scalar(unbound).bind(roles).fetch_all(&mut *migrator).await?;
    let untimed_roles = sqlx::query_scalar(UNTIMED).fetch_all(&mut *migrator).await?;
    let migrated = "select to_regprocedure('postern.schema_version()') is not null";
    let schema_version = if sqlx::query_scalar(migrated).fetch_one(&mut *migrator).await? {
        Some(sqlx::query_scalar("select postern.schema_version()").fetch_one(&mut *migrator).await?)
    } else {
        None
    };
    migrator.clear_cached_statements().await?;
    migrator.rollback().await?;
    connection.close().await?;
    Ok(Survey { schema_version, missing_roles, unbound_roles, untimed_roles })
}

pub(crate) async fn refuse_missing(connection: &mut PgConnection) -> Result<(), StoreError> {
    for role in LOGIN_ROLES {
        let exists = sqlx::query("select from pg_roles where rolname = $1").bind(role);
        if exists.fetch_optional(&mut *connection).await?.is_none() {
            let message = format!(
                "the role {role} is missing; run `postern migrate --create-roles`, or have an administrator run what \
                 `postern migrate --print-roles` prints"
            );
            return Err(StoreError::Unfit(message));
        }
    }
    Ok(())
}

/// Postgres only warns a user who does not own the database that nothing was granted.
async fn refuse_closed_database(admin: &mut PgConnection) -> Result<(), StoreError> {
    let open = "select has_database_privilege('postern_owner', current_database(), 'create')
                   and bool_and(has_database_privilege(role, current_database(), 'connect'))
                  from unnest($1) role";
    let open: bool = sqlx::query_scalar(open).bind(LOGIN_ROLES.map(str::to_owned)).fetch_one(admin).await?;
    let message = "this user cannot grant rights on the database; sign in as its owner or as a superuser";
    if open { Ok(()) } else { Err(StoreError::Unfit(message.to_owned())) }
}

/// Sends the SCRAM verifier that the server would store, never the password: statements end up in its log. A verifier
/// needs no quoting.
async fn set_password(admin: &mut PgConnection, role: &str, password: &Secret) -> Result<(), sqlx::Error> {
    let verifier = password::scram_sha_256(password.expose());
    let statement = format!("alter role {role} password '{verifier}'");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.map(drop)
}

fn refused(error: sqlx::Error) -> StoreError {
    let denied =
        error.as_database_error().filter(|error| error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE));
    match denied {
        Some(denied) => StoreError::Unfit(format!(
            "{}; sign in as a superuser, or as the database's owner with CREATEROLE",
            denied.message()
        )),
        None => error.into(),
    }
}
