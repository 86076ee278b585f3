//! Postgres connections on the wire: fields, or a DSN.

use postern_domain::{
    AccessMode, CaBundle, Host, PostgresEndpoint, Secret, SecretName, TlsMode, dsn,
    limits::{NAME_BYTES, PASSWORD_BYTES},
};
use postern_rpc::{
    Problem, Reason,
    connection::{self as proto, connection::Endpoint},
};

/// An endpoint that was sent in fields.
pub(super) fn from_fields(
    endpoint: proto::PostgresEndpoint,
    password: Option<String>,
) -> Result<(PostgresEndpoint, Vec<(SecretName, Secret)>), Problem> {
    let endpoint = parse(endpoint)?;
    Ok((endpoint, secrets(password.map(check).transpose()?)))
}

/// An endpoint that was sent as a DSN, which may hold the password.
pub(super) fn from_dsn(
    dsn: String,
    password: Option<String>,
) -> Result<(PostgresEndpoint, Vec<(SecretName, Secret)>), Problem> {
    let password = password.map(check).transpose()?;
    let dsn = Secret::from_text(dsn);
    let text = std::str::from_utf8(dsn.expose()).expect("it was a String");
    let parsed = dsn::parse(text).map_err(|error| Problem::new(Reason::InvalidDsn, error.to_string()))?;
    if parsed.password.is_some() && password.is_some() {
        return Err(Problem::field("password", "the DSN already contains a password; send it once"));
    }
    Ok((parsed.endpoint, secrets(password.or(parsed.password))))
}

fn secrets(password: Option<Secret>) -> Vec<(SecretName, Secret)> {
    password.into_iter().map(|password| (SecretName::Password, password)).collect()
}

fn check(password: String) -> Result<Secret, Problem> {
    let password = Secret::from_text(password);
    let fits = (1..=PASSWORD_BYTES).contains(&password.len()) && !password.expose().contains(&0);
    if fits {
        return Ok(password);
    }
    Err(Problem::field("password", format!("a password has 1 to {PASSWORD_BYTES} bytes and no NUL")))
}

fn parse(endpoint: proto::PostgresEndpoint) -> Result<PostgresEndpoint, Problem> {
    let (tls_mode, access_mode) = (endpoint.tls_mode(), endpoint.access_mode());
    let port = match endpoint.port {
        0 => PostgresEndpoint::DEFAULT_PORT,
        port => port
            .try_into()
            .map_err(|_| Problem::field("postgres.port", "a port is a number from 1 to 65535"))?,
    };
    let user = identifier("postgres.user", endpoint.user)?;
    let database = if endpoint.database.is_empty() {
        user.clone()
    } else {
        identifier("postgres.database", endpoint.database)?
    };
    Ok(PostgresEndpoint {
        host: Host::parse(&endpoint.host)
            .map_err(|error| Problem::field("postgres.host", error.to_string()))?,
        port,
        database,
        user,
        tls_mode: match tls_mode {
            proto::TlsMode::Unspecified | proto::TlsMode::VerifyFull => TlsMode::VerifyFull,
            proto::TlsMode::Disable => TlsMode::Disable,
        },
        ca: ca(&endpoint.ca_pem)?,
        access_mode: match access_mode {
            proto::AccessMode::Unspecified | proto::AccessMode::ReadOnly => AccessMode::ReadOnly,
            proto::AccessMode::ReadWrite => AccessMode::ReadWrite,
        },
    })
}

/// Parses the certificates as they will be when a session is opened, so that a broken one is found now and not by the
/// first query.
fn ca(pem: &str) -> Result<CaBundle, Problem> {
    let refused = |error: &dyn std::error::Error| Problem::field("postgres.ca_pem", error.to_string());
    let ca = CaBundle::parse(pem).map_err(|error| refused(&error))?;
    postern_egress::tls::client_config(Some(ca.as_pem())).map_err(|error| refused(&error))?;
    Ok(ca)
}

fn identifier(field: &'static str, text: String) -> Result<String, Problem> {
    let fits = (1..=NAME_BYTES).contains(&text.len()) && !text.contains('\0');
    if fits {
        Ok(text)
    } else {
        Err(Problem::field(field, format!("has 1 to {NAME_BYTES} bytes and no NUL")))
    }
}

/// The endpoint as its owner may see it.
pub(super) fn to_proto(endpoint: PostgresEndpoint) -> Endpoint {
    let tls_mode = match endpoint.tls_mode {
        TlsMode::VerifyFull => proto::TlsMode::VerifyFull,
        TlsMode::Disable => proto::TlsMode::Disable,
    };
    let access_mode = match endpoint.access_mode {
        AccessMode::ReadOnly => proto::AccessMode::ReadOnly,
        AccessMode::ReadWrite => proto::AccessMode::ReadWrite,
    };
    Endpoint::Postgres(proto::PostgresEndpoint {
        host: endpoint.host.to_string(),
        port: endpoint.port.into(),
        database: endpoint.database,
        user: endpoint.user,
        tls_mode: tls_mode.into(),
        ca_pem: endpoint.ca.as_pem().to_owned(),
        access_mode: access_mode.into(),
    })
}

#[cfg(test)]
#[path = "postgres_tests.rs"]
mod tests;
