//! Signing in to the control database with a role that row level security holds.

use sqlx::{
    ConnectOptions, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use std::{str::FromStr, time::Duration};

use crate::StoreError;

/// The newest migration; services want exactly this schema or a newer one.
pub const SCHEMA_VERSION: i32 = 3;

/// Roles of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Rows of the caller, read and write, without the seals.
    Connection,
    /// Rows of the caller with their seals, read only.
    Proxy,
    /// Seals of all owners and what they are bound to; writes the seals alone.
    Rewrap,
}

impl Role {
    /// Name of the role in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "postern_connection",
            Self::Proxy => "postern_proxy",
            Self::Rewrap => "postern_rewrap",
        }
    }
}

/// Connects and checks the role. `url` is a `postgres://` URL of the control database.
pub(crate) async fn connect(url: &str, role: Role) -> Result<PgPool, StoreError> {
    // A parse error may repeat the URL, and with it the password.
    let options =
        PgConnectOptions::from_str(url).map_err(|_| StoreError::Unfit("its URL cannot be read".into()))?;
    refuse_opportunistic_tls(&options)?;
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        // A ping before each use would double the round trips; a dead connection fails its first statement instead.
        .test_before_acquire(false)
        // Statements carry owners and names; see the chassis' telemetry for what is never logged.
        .connect_with(options.application_name(role.name()).disable_statement_logging())
        .await?;
    refuse_unfit(&pool, role).await?;
    Ok(pool)
}

/// How the way to a database is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS with the server's name verified, or no network in between.
    Safe,
    /// TLS with whoever answers.
    Unverified,
    /// In the clear.
    Clear,
}

/// What a URL says of TLS. Fails as a connection with it would.
pub fn transport(url: &str) -> Result<Transport, StoreError> {
    let options =
        PgConnectOptions::from_str(url).map_err(|_| StoreError::Unfit("its URL cannot be read".into()))?;
    refuse_opportunistic_tls(&options)?;
    Ok(match options.get_ssl_mode() {
        _ if is_local(&options) => Transport::Safe,
        PgSslMode::VerifyFull => Transport::Safe,
        PgSslMode::VerifyCa | PgSslMode::Require => Transport::Unverified,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => Transport::Clear,
    })
}

fn is_local(options: &PgConnectOptions) -> bool {
    ["127.0.0.1", "::1", "localhost"].contains(&options.get_host()) || options.get_socket().is_some()
}

/// `prefer`, sqlx's default, goes on in the clear when someone in between says that there is no TLS. What is meant has
/// to be said: `sslmode=verify-full`, or `disable` on a network that is trusted.
pub(crate) fn refuse_opportunistic_tls(options: &PgConnectOptions) -> Result<(), StoreError> {
    match options.get_ssl_mode() {
        PgSslMode::Prefer | PgSslMode::Allow if !is_local(options) => {
            Err(StoreError::Unfit("its URL says nothing of TLS; add sslmode=verify-full".into()))
        }
        _ => Ok(()),
    }
}

async fn refuse_unfit(pool: &PgPool, role: Role) -> Result<(), StoreError> {
    let row = sqlx::raw_sql(
        "select current_user::text as name, r.rolsuper or r.rolbypassrls as bypasses,
                pg_has_role(current_user, c.relowner, 'member') as owns
           from pg_roles r, pg_class c
          where r.rolname = current_user and c.oid = to_regclass('postern.connections')",
    )
    .fetch_optional(pool)
    .await?;
    let row = row.ok_or_else(|| StoreError::Unfit("it has no schema yet; run the migrations".into()))?;
    if row.get::<bool, _>("bypasses") || row.get::<bool, _>("owns") {
        return Err(StoreError::Unfit(format!(
            "the role could bypass row level security; use {}",
            role.name()
        )));
    }
    if row.get::<&str, _>("name") != role.name() {
        return Err(StoreError::Unfit(format!("sign in as {}", role.name())));
    }
    let version = sqlx::raw_sql("select postern.schema_version() as version").fetch_one(pool).await?;
    let version: i32 = version.try_get("version")?;
    if version < SCHEMA_VERSION {
        let message =
            format!("its schema is version {version}, this build needs {SCHEMA_VERSION}; run the migrations");
        return Err(StoreError::Unfit(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_by_tls_has_to_be_said() {
        let judged = |url: &str| refuse_opportunistic_tls(&PgConnectOptions::from_str(url).unwrap());
        assert!(judged("postgres://u:p@db.example.com/d").is_err());
        assert!(judged("postgres://u:p@db.example.com/d?sslmode=prefer").is_err());
        assert!(judged("postgres://u:p@db.example.com/d?sslmode=verify-full").is_ok());
        assert!(judged("postgres://u:p@127.0.0.1/d").is_ok());
    }

    #[test]
    fn only_a_verified_name_or_no_network_is_safe() {
        let at = |rest: &str| transport(&format!("postgres://u:p@{rest}")).unwrap();
        assert_eq!(at("db.example.com/d?sslmode=verify-full"), Transport::Safe);
        assert_eq!(at("127.0.0.1/d?sslmode=disable"), Transport::Safe);
        assert_eq!(at("db.example.com/d?sslmode=require"), Transport::Unverified);
        assert_eq!(at("db.example.com/d?sslmode=disable"), Transport::Clear);
        assert!(transport("postgres://u:p@db.example.com/d").is_err());
    }
}
