//! Between the wire and the domain. A module for each kind of tenant.

mod postgres;
mod supabase;

use std::time::Duration;

use postern_domain::{ConnectionName, Endpoint, Secret, SecretLabel, SecretName, supabase::KeySort};
use postern_rpc::{
    Problem, Reason,
    connection::{self as proto, UpsertConnectionRequest, upsert_connection_request},
};
use postern_store::{OwnConnection, OwnSecret, StoreError};
use prost_types::Timestamp;

/// A name in a request.
pub(crate) fn name(text: &str) -> Result<ConnectionName, Problem> {
    ConnectionName::parse(text).map_err(|error| Problem::field("name", error.to_string()))
}

/// The endpoint and the secrets of an upsert.
pub(crate) struct Sent {
    pub endpoint: Endpoint,
    pub secrets: Vec<Given>,
    /// Stored secrets to delete.
    pub removed: Vec<SecretName>,
}

/// A secret that came with an upsert.
pub(crate) struct Given {
    pub name: SecretName,
    pub label: SecretLabel,
    pub secret: Secret,
}

/// Reads the endpoint and the secrets of an upsert. `now` is time since 1970.
pub(crate) fn sent(request: UpsertConnectionRequest, now: Duration) -> Result<Sent, Problem> {
    let UpsertConnectionRequest { endpoint, password, publishable_key, secret_key, .. } = request;
    let has_keys = publishable_key.is_some() || secret_key.is_some();
    let (endpoint, secrets) = match endpoint {
        None => {
            let message = "an endpoint is required: postgres, postgres_dsn or supabase";
            return Err(Problem::field("endpoint", message));
        }
        Some(upsert_connection_request::Endpoint::Supabase(_)) if password.is_some() => {
            return Err(Problem::field("password", "a Supabase project has keys, and no password"));
        }
        Some(upsert_connection_request::Endpoint::Supabase(endpoint)) => {
            let keys = supabase::Keys { publishable: publishable_key, secret: secret_key };
            return supabase::read(&endpoint, keys, now);
        }
        Some(_) if has_keys => {
            return Err(Problem::field("endpoint", "a Postgres database has a password, and no keys"));
        }
        Some(upsert_connection_request::Endpoint::Postgres(endpoint)) => {
            postgres::from_fields(endpoint, password)?
        }
        Some(upsert_connection_request::Endpoint::PostgresDsn(dsn)) => postgres::from_dsn(dsn, password)?,
    };
    let given = |(name, secret)| Given { name, label: SecretLabel::default(), secret };
    let secrets = secrets.into_iter().map(given).collect();
    Ok(Sent { endpoint: endpoint.into(), secrets, removed: Vec::new() })
}

/// A stored connection as its owner may see it.
pub(crate) fn connection(own: OwnConnection) -> proto::Connection {
    let saved = own.connection;
    proto::Connection {
        name: saved.name.to_string(),
        version: saved.version.0,
        endpoint: Some(match saved.endpoint {
            Endpoint::Postgres(endpoint) => postgres::to_proto(endpoint),
            Endpoint::Supabase(endpoint) => supabase::to_proto(&endpoint),
        }),
        secrets: own.secrets.into_iter().map(stored_secret).collect(),
        create_time: Some(timestamp(saved.created_at)),
        update_time: Some(timestamp(saved.updated_at)),
    }
}

fn stored_secret(secret: OwnSecret) -> proto::StoredSecret {
    let key_sort = match secret.label.sort {
        None => proto::SupabaseKeySort::Unspecified,
        Some(KeySort::Publishable) => proto::SupabaseKeySort::Publishable,
        Some(KeySort::Secret) => proto::SupabaseKeySort::Secret,
        Some(KeySort::Anon) => proto::SupabaseKeySort::Anon,
        Some(KeySort::ServiceRole) => proto::SupabaseKeySort::ServiceRole,
    };
    proto::StoredSecret {
        name: supabase::name_to_proto(secret.name).into(),
        key_sort: key_sort.into(),
        last_characters: secret.label.last_characters.unwrap_or_default(),
    }
}

fn timestamp(since_epoch: Duration) -> Timestamp {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Timestamp { seconds, nanos: since_epoch.subsec_nanos().cast_signed() }
}

/// The user's error when the store fails.
pub(crate) fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::VersionStale => Problem::new(Reason::VersionStale, "This connection has changed since it was read.")
            .hint("Load it again, look at what changed, and save again."),
        StoreError::TooMany => Problem::new(Reason::TooManyConnections, "You have reached the limit of connections per user.")
            .hint("Delete a connection that you no longer need."),
        StoreError::SecretRequired => Problem::new(
            Reason::SecretRequired,
            "A password or key is required: the connection is new, another key is to serve, or the server has changed.",
        )
        .hint("Stored secrets are bound to the server they were saved for. Enter them again."),
        StoreError::AccessWithdrawn => Problem::access_withdrawn(),
        StoreError::ConnectionWithdrawn => Problem::connection_withdrawn(),
        StoreError::Unfit(_) | StoreError::Url(_) | StoreError::Malformed | StoreError::Erasure(_) => {
            Problem::internal(format_args!("the control database cannot be used: {error}"))
        }
        StoreError::Database(_) | StoreError::Unreachable(_) | StoreError::Silent | StoreError::Busy => {
            Problem::new(Reason::DependencyUnavailable, "Connections cannot be read or saved at the moment.")
                .hint("Try again in a minute.")
                .because(error)
        }
    }
}
