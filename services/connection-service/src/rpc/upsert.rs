//! `UpsertConnection`: seals the secrets, then writes the row.

use postern_chassis::SignedIn;
use postern_crypto_client::Sealer;
use postern_domain::Version;
use postern_rpc::{
    Problem,
    connection::{UpsertConnectionRequest, UpsertConnectionResponse},
};
use postern_store::{Change, ConnectionStore};

use crate::convert;

pub(super) async fn upsert(
    store: &ConnectionStore,
    sealer: &Sealer,
    caller: &SignedIn,
    request: UpsertConnectionRequest,
) -> Result<UpsertConnectionResponse, Problem> {
    let (endpoint, secrets) = convert::endpoint(request.endpoint, request.password)?;
    let name = convert::name(&request.name)?;
    let expected = request.expected_version.map(Version);
    if expected.is_some_and(|version| version.0 < 0) {
        return Err(Problem::field("expected_version", "a version is 0 or more"));
    }
    let secrets = sealer.seal(caller, &endpoint, secrets).await?;
    let change = Change { name, endpoint, secrets, expected };
    let saved = store.upsert(caller.principal.owner(), change).await;
    let saved = saved.map_err(|error| convert::store_problem(&error))?;
    Ok(UpsertConnectionResponse { connection: Some(convert::connection(saved.connection)) })
}
