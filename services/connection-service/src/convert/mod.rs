//! Between the wire and the domain. A module for each kind of tenant.

mod postgres;

use std::time::Duration;

use postern_domain::{ConnectionName, Endpoint, Secret, SecretName};
use postern_rpc::{
    Problem, Reason,
    connection::{self as proto, upsert_connection_request::Endpoint as Sent},
};
use postern_store::{SavedConnection, StoreError};
use prost_types::Timestamp;

/// A name in a request.
pub(crate) fn name(text: &str) -> Result<ConnectionName, Problem> {
    ConnectionName::parse(text).map_err(|error| Problem::field("name", error.to_string()))
}

/// The endpoint of an upsert, and the secrets that came with it.
pub(crate) fn endpoint(
    endpoint: Option<Sent>,
    password: Option<String>,
) -> Result<(Endpoint, Vec<(SecretName, Secret)>), Problem> {
    let (endpoint, secrets) = match endpoint {
        None => return Err(Problem::field("endpoint", "an endpoint is required: postgres or postgres_dsn")),
        Some(Sent::Postgres(endpoint)) => postgres::from_fields(endpoint, password)?,
        Some(Sent::PostgresDsn(dsn)) => postgres::from_dsn(dsn, password)?,
    };
    Ok((endpoint.into(), secrets))
}

/// A stored connection as its owner may see it.
pub(crate) fn connection(saved: SavedConnection) -> proto::Connection {
    proto::Connection {
        name: saved.name.to_string(),
        version: saved.version.0,
        endpoint: Some(match saved.endpoint {
            Endpoint::Postgres(endpoint) => postgres::to_proto(endpoint),
        }),
        create_time: Some(timestamp(saved.created_at)),
        update_time: Some(timestamp(saved.updated_at)),
    }
}

fn timestamp(since_epoch: Duration) -> Timestamp {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Timestamp { seconds, nanos: since_epoch.subsec_nanos().cast_signed() }
}

/// What a user is told when the store fails.
pub(crate) fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::VersionStale => Problem::new(Reason::VersionStale, "This connection has changed since it was read.")
            .hint("Load it again, look at what changed, and save again."),
        StoreError::TooMany => Problem::new(Reason::TooManyConnections, "You have reached the limit of connections per user.")
            .hint("Delete a connection that you no longer need."),
        StoreError::SecretRequired => Problem::new(
            Reason::SecretRequired,
            "The password is required: the connection is new, or its host, port, database, TLS mode or CA has changed.",
        )
        .hint("A stored password is bound to the server it was saved for. Enter it again."),
        StoreError::Unfit(_) | StoreError::Malformed => {
            Problem::internal(format_args!("the control database cannot be used: {error}"))
        }
        StoreError::Database(_) | StoreError::Unreachable(_) => {
            Problem::new(Reason::DependencyUnavailable, "Connections cannot be read or saved at the moment.")
                .hint("Try again in a minute.")
                .because(error)
        }
    }
}
