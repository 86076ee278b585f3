//! `DeleteConnection`: deletes a connection and its secrets.

use postern_domain::{Caller, Version};
use postern_rpc::{
    Problem,
    connection::{DeleteConnectionRequest, DeleteConnectionResponse},
};
use postern_store::ConnectionStore;

use crate::convert;

pub(super) async fn delete(
    store: &ConnectionStore,
    caller: Caller,
    request: &DeleteConnectionRequest,
) -> Result<DeleteConnectionResponse, Problem> {
    let name = convert::name(&request.name)?;
    let deleted = store.delete(caller, name, request.expected_version.map(Version)).await;
    if deleted.map_err(|error| convert::store_problem(&error))? {
        Ok(DeleteConnectionResponse {})
    } else {
        Err(super::get::not_found(&request.name))
    }
}
