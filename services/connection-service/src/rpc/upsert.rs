//! `UpsertConnection`: seals the secrets, then writes the row.

use postern_chassis::SignedIn;
use postern_crypto_client::Sealer;
use postern_domain::{Clock, Endpoint, SystemClock, Version};
use postern_rpc::{
    Problem,
    connection::{UpsertConnectionRequest, UpsertConnectionResponse},
};
use postern_store::{Change, ConnectionStore, NewSecret};

use crate::convert::{self, Given, Sent};

pub(super) async fn upsert(
    store: &ConnectionStore,
    sealer: &Sealer,
    caller: &SignedIn,
    request: UpsertConnectionRequest,
) -> Result<UpsertConnectionResponse, Problem> {
    let name = convert::name(&request.name)?;
    let expected = request.expected_version.map(Version);
    if expected.is_some_and(|version| version.0 < 0) {
        return Err(Problem::field("expected_version", "a version is 0 or more"));
    }
    let Sent { endpoint, secrets, removed } = convert::sent(request, SystemClock.now())?;
    let secrets = seal(sealer, caller, &endpoint, secrets).await?;
    let change = Change { name, endpoint, secrets, removed, expected };
    let saved = store.upsert(caller.principal.caller().clone(), change).await;
    let saved = saved.map_err(|error| convert::store_problem(&error))?;
    Ok(UpsertConnectionResponse { connection: Some(convert::connection(saved)) })
}

/// Seals all secrets in one call. Their labels stay with them.
async fn seal(
    sealer: &Sealer,
    caller: &SignedIn,
    endpoint: &Endpoint,
    given: Vec<Given>,
) -> Result<Vec<NewSecret>, Problem> {
    let (mut labels, mut secrets) = (Vec::new(), Vec::new());
    for Given { name, label, secret } in given {
        labels.push(label);
        secrets.push((name, secret));
    }
    let seals = sealer.seal(caller, endpoint, secrets).await?;
    Ok(seals
        .into_iter()
        .zip(labels)
        .map(|((name, secret), label)| NewSecret { name, label, secret })
        .collect())
}
