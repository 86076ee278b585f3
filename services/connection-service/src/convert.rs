//! Between the wire and the domain.

use std::time::Duration;

use postern_domain::{
    AccessMode, CaBundle, ConnectionName, Host, PostgresEndpoint, Secret, TlsMode, dsn,
    limits::{NAME_BYTES, SECRET_BYTES},
};
use postern_rpc::{
    Problem, Reason,
    connection::{self as proto, upsert_connection_request::Endpoint},
};
use postern_store::{SavedConnection, StoreError};
use prost_types::Timestamp;

/// A name in a request.
pub(crate) fn name(text: &str) -> Result<ConnectionName, Problem> {
    ConnectionName::parse(text).map_err(|error| Problem::field("name", error.to_string()))
}

/// Where an upsert leads, and the secret that came with it.
pub(crate) fn endpoint(
    endpoint: Option<Endpoint>,
    password: Option<String>,
) -> Result<(PostgresEndpoint, Option<Secret>), Problem> {
    let password = password.map(secret).transpose()?;
    match endpoint {
        None => Err(Problem::field("endpoint", "say where the connection leads: postgres or postgres_dsn")),
        Some(Endpoint::Postgres(endpoint)) => Ok((postgres(endpoint)?, password)),
        Some(Endpoint::PostgresDsn(text)) => {
            let text = Secret::from_text(text);
            let text = std::str::from_utf8(text.expose()).map_err(Problem::internal)?;
            let parsed =
                dsn::parse(text).map_err(|error| Problem::new(Reason::InvalidDsn, error.to_string()))?;
            if parsed.password.is_some() && password.is_some() {
                return Err(Problem::field("password", "the DSN has a password already; send it once"));
            }
            Ok((parsed.endpoint, password.or(parsed.password)))
        }
    }
}

fn secret(text: String) -> Result<Secret, Problem> {
    let secret = Secret::from_text(text);
    let fits = (1..=SECRET_BYTES).contains(&secret.len()) && !secret.expose().contains(&0);
    if fits {
        Ok(secret)
    } else {
        Err(Problem::field("password", "a password has 1 to 65536 bytes and no NUL"))
    }
}

fn postgres(endpoint: proto::PostgresEndpoint) -> Result<PostgresEndpoint, Problem> {
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

/// Parsed as it will be when it is needed, so that a broken one is found now and not by the first query.
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

/// A stored connection as its owner may see it.
pub(crate) fn connection(saved: SavedConnection) -> proto::Connection {
    let endpoint = saved.endpoint;
    let endpoint = proto::PostgresEndpoint {
        host: endpoint.host.to_string(),
        port: endpoint.port.into(),
        database: endpoint.database,
        user: endpoint.user,
        tls_mode: match endpoint.tls_mode {
            TlsMode::VerifyFull => proto::TlsMode::VerifyFull,
            TlsMode::Disable => proto::TlsMode::Disable,
        }
        .into(),
        ca_pem: endpoint.ca.as_pem().to_owned(),
        access_mode: match endpoint.access_mode {
            AccessMode::ReadOnly => proto::AccessMode::ReadOnly,
            AccessMode::ReadWrite => proto::AccessMode::ReadWrite,
        }
        .into(),
    };
    proto::Connection {
        name: saved.name.to_string(),
        version: saved.version.0,
        endpoint: Some(proto::connection::Endpoint::Postgres(endpoint)),
        create_time: Some(timestamp(saved.created_at)),
        update_time: Some(timestamp(saved.updated_at)),
    }
}

fn timestamp(since_epoch: Duration) -> Timestamp {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Timestamp { seconds, nanos: since_epoch.subsec_nanos().cast_signed() }
}

/// The answer to a user when the store refuses.
pub(crate) fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::VersionStale => Problem::new(Reason::VersionStale, "This connection has changed since it was read.")
            .hint("Load it again, look at what changed, and save again."),
        StoreError::TooMany => Problem::new(Reason::TooManyConnections, "There are as many connections as one user may have.")
            .hint("Delete one that is not needed."),
        StoreError::SecretRequired => Problem::new(
            Reason::SecretRequired,
            "The password is needed: the connection is new, or its host, port, database, TLS mode or CA has changed.",
        )
        .hint("A stored password is bound to the server it was saved for. Enter it again."),
        StoreError::Unfit(_) | StoreError::Malformed => {
            Problem::internal(format_args!("the control database cannot be used: {error}"))
        }
        StoreError::Database(_) => {
            Problem::new(Reason::DependencyUnavailable, "Connections cannot be read or saved at the moment.")
                .hint("Try again in a minute.")
                .because(error)
        }
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
