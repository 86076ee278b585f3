//! Access to the conversions for `tests/fuzz`. Behind the feature `fuzzing`, which nothing else may enable.

use std::time::Duration;

use postern_domain::{ConnectionId, Endpoint, Secret, SecretName, Version};
use postern_rpc::{
    Problem,
    connection::{Connection, UpsertConnectionRequest},
};
use postern_store::{OwnConnection, SavedConnection};
use uuid::Uuid;

use crate::convert;

/// The endpoint of an upsert, and the secrets that came with it.
pub fn endpoint(request: UpsertConnectionRequest) -> Result<(Endpoint, Vec<(SecretName, Secret)>), Problem> {
    convert::name(&request.name)?;
    let sent = convert::sent(request, Duration::ZERO)?;
    Ok((sent.endpoint, sent.secrets.into_iter().map(|given| (given.name, given.secret)).collect()))
}

/// What the owner of a saved connection is shown of it.
pub fn shown(name: &str, endpoint: Endpoint) -> Result<Connection, Problem> {
    let connection = SavedConnection {
        id: ConnectionId(Uuid::nil()),
        name: convert::name(name)?,
        version: Version(1),
        endpoint,
        created_at: Duration::ZERO,
        updated_at: Duration::ZERO,
    };
    Ok(convert::connection(OwnConnection { connection, secrets: Vec::new() }))
}
