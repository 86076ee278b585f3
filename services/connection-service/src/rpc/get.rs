//! `GetConnection`: one connection of the caller.

use postern_domain::Caller;
use postern_rpc::{
    Problem, Reason,
    connection::{GetConnectionRequest, GetConnectionResponse},
};
use postern_store::ConnectionStore;

use crate::convert;

pub(super) async fn get(
    store: &ConnectionStore,
    caller: Caller,
    request: &GetConnectionRequest,
) -> Result<GetConnectionResponse, Problem> {
    let name = convert::name(&request.name)?;
    let saved = store.get(caller, name).await.map_err(|error| convert::store_problem(&error))?;
    let saved = saved.ok_or_else(|| not_found(&request.name))?;
    Ok(GetConnectionResponse { connection: Some(convert::connection(saved)) })
}

/// Does not reveal whether another user has a connection of this name.
pub(super) fn not_found(name: &str) -> Problem {
    Problem::new(Reason::ConnectionNotFound, format!("You have no connection named '{name}'."))
}
