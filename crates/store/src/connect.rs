//! Connecting to the control database: the URL, the TLS policy, the pools, and the role.

use std::{fs, io::ErrorKind, time::Duration};

use sqlx::{
    ConnectOptions, PgConnection, Row,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::time::timeout;
use url::{ParseError, Url};

use crate::{Role, SCHEMA_VERSION, StoreError};

/// Time for the first connection, with its sign-in.
const CONNECT: Duration = Duration::from_secs(10);

/// How to connect as `role`. Connects once, so that what is wrong shows now and with its cause.
pub(crate) async fn checked(url: &str, role: Role) -> Result<PgConnectOptions, StoreError> {
    let options = parse(url)?.application_name(role.name());
    let mut connection = open(&options, CONNECT).await?;
    // A server, or a pooler before it, may accept the sign-in and then hang.
    let fit = timeout(CONNECT, refuse_unfit(&mut connection, role)).await;
    fit.unwrap_or(Err(StoreError::Silent))?;
    Ok(options)
}

/// A single connection for an operator's work.
pub(crate) async fn operator(url: &str) -> Result<PgConnection, StoreError> {
    open(&parse(url)?.application_name("postern-admin"), CONNECT).await
}

/// Opens a connection, with its sign-in, within `time`.
pub(crate) async fn open(options: &PgConnectOptions, time: Duration) -> Result<PgConnection, StoreError> {
    let (host, port) = (options.get_host(), options.get_port());
    match timeout(time, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(sqlx::Error::Io(error))) if error.kind() == ErrorKind::ConnectionRefused => {
            Err(StoreError::Unreachable(format!("{host}:{port} refused the connection")))
        }
        // rustls' verdict on the server's certificate, and a client certificate's file that is missing.
        Ok(Err(sqlx::Error::Io(error)))
            if [ErrorKind::InvalidData, ErrorKind::NotFound].contains(&error.kind()) =>
        {
            Err(StoreError::Url(format!("TLS with {host}:{port} failed: {error}")))
        }
        Ok(Err(sqlx::Error::Io(error))) => Err(StoreError::Unreachable(format!("{host}:{port}: {error}"))),
        Ok(Err(sqlx::Error::Tls(error))) => {
            Err(StoreError::Url(format!("TLS with {host}:{port} failed: {error}")))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            let seconds = time.as_secs();
            Err(StoreError::Unreachable(format!("{host}:{port} does not answer within {seconds} s")))
        }
    }
}

/// How the connection to a database is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS with the server's name verified, or a server on this machine.
    Safe,
    /// TLS with a server that is not verified.
    Unverified,
    /// No TLS.
    Clear,
}

/// The protection that a URL asks for. Fails as connecting with it would.
pub fn transport(url: &str) -> Result<Transport, StoreError> {
    let options = parse(url)?;
    Ok(match options.get_ssl_mode() {
        _ if is_local(&options) => Transport::Safe,
        PgSslMode::VerifyFull => Transport::Safe,
        PgSslMode::VerifyCa | PgSslMode::Require => Transport::Unverified,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => Transport::Clear,
    })
}

/// The host that a URL leads to; `None` for a socket of this machine. Fails as connecting with it would.
pub fn host(url: &str) -> Result<Option<String>, StoreError> {
    let options = parse(url)?;
    Ok(options.get_socket().is_none().then(|| options.get_host().to_owned()))
}

/// Parses a URL. The errors repeat nothing of it: it holds a password.
fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    let invalid = |reason: String| StoreError::Url(format!("not a PostgreSQL URL: {reason}"));
    if url.is_empty() {
        return Err(invalid("it is empty".to_owned()));
    }
    let other_scheme = || invalid("it does not start with postgresql://".to_owned());
    let url = Url::parse(url).map_err(|error| match error {
        ParseError::RelativeUrlWithoutBase => other_scheme(),
        other => invalid(other.to_string()),
    })?;
    if !["postgres", "postgresql"].contains(&url.scheme()) {
        return Err(other_scheme());
    }
    refuse_missing_root(&url)?;
    // Statements carry owners and names; the chassis' telemetry says what is never logged.
    let options = PgConnectOptions::from_url(&url).map_err(|error| invalid(reason(&error)))?;
    let options = options.disable_statement_logging();
    refuse_opportunistic_tls(&options)?;
    Ok(options)
}

/// sqlx repeats the value that it does not know.
fn reason(error: &sqlx::Error) -> String {
    if error.to_string().contains("ssl_mode") {
        return "unknown sslmode; use verify-full, verify-ca, require or disable".to_owned();
    }
    "one of its parts or parameters is malformed".to_owned()
}

/// Checked here, because sqlx's error does not name the file.
fn refuse_missing_root(url: &Url) -> Result<(), StoreError> {
    let root =
        url.query_pairs().find(|(key, _)| ["sslrootcert", "ssl-root-cert", "ssl-ca"].contains(&&**key));
    let Some((key, path)) = root.filter(|(_, value)| !value.contains("-----BEGIN")) else { return Ok(()) };
    match fs::File::open(&*path) {
        Ok(_) => Ok(()),
        Err(error) => Err(StoreError::Url(format!("cannot read its {key} '{path}': {error}"))),
    }
}

fn is_local(options: &PgConnectOptions) -> bool {
    ["127.0.0.1", "::1", "localhost"].contains(&options.get_host()) || options.get_socket().is_some()
}

/// `prefer`, sqlx's default, falls back to no TLS when someone on the path says that the server has none. The TLS mode
/// must be explicit: `verify-full`, or `disable` on a trusted network.
fn refuse_opportunistic_tls(options: &PgConnectOptions) -> Result<(), StoreError> {
    match options.get_ssl_mode() {
        PgSslMode::Prefer | PgSslMode::Allow if !is_local(options) => {
            Err(StoreError::Url("it sets no sslmode; add sslmode=verify-full".into()))
        }
        _ => Ok(()),
    }
}

/// Refuses a role that row level security does not hold, a wrong role, and an older schema.
async fn refuse_unfit(connection: &mut PgConnection, role: Role) -> Result<(), StoreError> {
    let row = sqlx::raw_sql(
        "/* connect.role */
         select current_user::text as name, r.rolsuper or r.rolbypassrls as bypasses,
                pg_has_role(current_user, c.relowner, 'member') as owns
           from pg_roles r, pg_class c
          where r.rolname = current_user and c.oid = to_regclass('postern.connections')",
    )
    .fetch_optional(&mut *connection)
    .await?;
    let row = row.ok_or_else(|| StoreError::Unfit("it has no schema yet; run `postern migrate`".into()))?;
    if row.get::<bool, _>("bypasses") || row.get::<bool, _>("owns") {
        let message = format!("the role could bypass row level security; use {}", role.name());
        return Err(StoreError::Unfit(message));
    }
    if row.get::<&str, _>("name") != role.name() {
        return Err(StoreError::Unfit(format!("sign in as {}", role.name())));
    }
    refuse_older_schema(connection).await
}

async fn refuse_older_schema(connection: &mut PgConnection) -> Result<(), StoreError> {
    let version = "/* connect.schema_version */ select postern.schema_version() as version";
    let version: i32 = sqlx::raw_sql(version).fetch_one(connection).await?.try_get("version")?;
    if version >= SCHEMA_VERSION {
        return Ok(());
    }
    Err(StoreError::Unfit(format!(
        "its schema is version {version}, this release needs {SCHEMA_VERSION}; run `postern migrate`"
    )))
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
