//! Ways to the conversions for `tests/fuzz`. Behind the feature `fuzzing`, which nothing else may ask for.

use std::time::Duration;

use postern_domain::{ConnectionId, PostgresEndpoint, Secret, Version};
use postern_rpc::{
    Problem,
    connection::{Connection, UpsertConnectionRequest},
};
use postern_store::SavedConnection;
use uuid::Uuid;

use crate::convert;

/// Where an upsert leads, and the secret that came with it.
pub fn endpoint(request: UpsertConnectionRequest) -> Result<(PostgresEndpoint, Option<Secret>), Problem> {
    convert::name(&request.name)?;
    convert::endpoint(request.endpoint, request.password)
}

/// What its owner is shown of a connection that was saved under this name.
pub fn shown(name: &str, endpoint: PostgresEndpoint) -> Result<Connection, Problem> {
    Ok(convert::connection(SavedConnection {
        id: ConnectionId(Uuid::nil()),
        name: convert::name(name)?,
        version: Version(1),
        endpoint,
        created_at: Duration::ZERO,
        updated_at: Duration::ZERO,
    }))
}
