//! `UpsertConnection`: seals what is secret, then writes the row.

use postern_chassis::SignedIn;
use postern_domain::Version;
use postern_rpc::{
    Problem,
    connection::{UpsertConnectionRequest, UpsertConnectionResponse},
};
use postern_store::{Change, ConnectionStore};

use crate::{convert, sealer::Sealer};

pub(super) async fn upsert(
    store: &ConnectionStore,
    sealer: &Sealer,
    caller: &SignedIn,
    request: UpsertConnectionRequest,
) -> Result<UpsertConnectionResponse, Problem> {
    let (endpoint, secret) = convert::endpoint(request.endpoint, request.password)?;
    let name = convert::name(&request.name)?;
    let expected = request.expected_version.map(Version);
    if expected.is_some_and(|version| version.0 < 0) {
        return Err(Problem::field("expected_version", "a version is 0 or more"));
    }
    let secret = match secret {
        Some(secret) => Some(sealer.seal(caller, endpoint.digest(), secret).await?),
        None => None,
    };
    let change = Change { name, endpoint, secret, expected };
    let saved = store
        .upsert(caller.principal.owner(), change)
        .await
        .map_err(|error| convert::store_problem(&error))?;
    Ok(UpsertConnectionResponse { connection: Some(convert::connection(saved)) })
}
