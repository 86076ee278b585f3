//! The roles of the control database, made by an administrator.

use postern_domain::Secret;
use postgres_protocol::password;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{StoreError, admin::connect};

/// Roles that can sign in, beside `postern_owner`, which cannot and owns the schema.
pub const LOGIN_ROLES: [&str; 4] =
    ["postern_migrator", "postern_connection", "postern_proxy", "postern_rewrap"];

/// SQLSTATE of a right that is missing.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The SQL that makes what is missing of the roles, with the rights that they need on the database in which it is run.
pub fn roles_sql() -> String {
    include_str!("roles.sql").replace("LOGIN_ROLES", &LOGIN_ROLES.join(","))
}

/// Makes what is missing of the roles, as a superuser or as the database's owner with CREATEROLE, all of it or nothing.
///
/// `passwords` gives the new password of a role; without one, it keeps the one it has, and a new role has none. Running
/// it again is safe.
pub async fn prepare_roles(url: &str, passwords: impl Fn(&str) -> Option<Secret>) -> Result<(), StoreError> {
    let mut admin = connect(url).await?;
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

/// Lets nobody but the roles of Postern connect: for a database that holds nothing else.
pub async fn keep_others_out(url: &str) -> Result<(), StoreError> {
    let mut admin = connect(url).await?;
    let database: String =
        sqlx::query_scalar("select quote_ident(current_database())").fetch_one(&mut admin).await?;
    let revoke = format!("revoke all on database {database} from public");
    sqlx::raw_sql(AssertSqlSafe(revoke)).execute(&mut admin).await?;
    Ok(admin.close().await?)
}

/// What an operator wants to know of a database.
#[derive(Debug)]
pub struct Survey {
    /// Version of the schema; `None` before the first migration.
    pub schema_version: Option<i32>,
    /// Those of [`LOGIN_ROLES`] that are missing.
    pub missing_roles: Vec<String>,
    /// Those that row level security does not hold.
    pub unbound_roles: Vec<String>,
}

/// Looks at a database as `postern_migrator`. Changes nothing.
pub async fn survey(url: &str) -> Result<Survey, StoreError> {
    let mut migrator = connect(url).await?;
    let roles = LOGIN_ROLES.map(str::to_owned);
    let missing =
        "select role from unnest($1) role where not exists (select from pg_roles where rolname = role)";
    let missing_roles = sqlx::query_scalar(missing).bind(roles.clone()).fetch_all(&mut migrator).await?;
    let unbound = "select rolname::text from pg_roles where rolname = any($1) and (rolsuper or rolbypassrls)";
    let unbound_roles = sqlx::query_scalar(unbound).bind(roles).fetch_all(&mut migrator).await?;
    let migrated = "select to_regprocedure('postern.schema_version()') is not null";
    let schema_version = if sqlx::query_scalar(migrated).fetch_one(&mut migrator).await? {
        Some(sqlx::query_scalar("select postern.schema_version()").fetch_one(&mut migrator).await?)
    } else {
        None
    };
    migrator.close().await?;
    Ok(Survey { schema_version, missing_roles, unbound_roles })
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

/// Who does not own the database is only warned that nothing was granted.
async fn refuse_closed_database(admin: &mut PgConnection) -> Result<(), StoreError> {
    let open = "select has_database_privilege('postern_owner', current_database(), 'create')
                   and bool_and(has_database_privilege(role, current_database(), 'connect'))
                  from unnest($1) role";
    let open: bool = sqlx::query_scalar(open).bind(LOGIN_ROLES.map(str::to_owned)).fetch_one(admin).await?;
    let message = "this user cannot grant rights on the database; sign in as its owner or as a superuser";
    if open { Ok(()) } else { Err(StoreError::Unfit(message.to_owned())) }
}

/// The server is sent what it would store, and never the password: statements end up in its log. The text is of
/// characters that need no quoting.
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
