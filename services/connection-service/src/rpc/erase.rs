//! `EraseData`: deletes everything stored about the caller.

use postern_domain::Caller;
use postern_rpc::{
    Problem,
    connection::{EraseDataRequest, EraseDataResponse, ErasedTable},
};
use postern_store::ConnectionStore;

use crate::convert;

pub(super) async fn erase(
    store: &ConnectionStore,
    caller: Caller,
    request: &EraseDataRequest,
) -> Result<EraseDataResponse, Problem> {
    if !request.confirm {
        return Err(Problem::field("confirm", "confirm must be true: all of your data will be deleted"));
    }
    let erased = store.erase(caller).await.map_err(|error| convert::store_problem(&error))?;
    let tables = erased.tables.into_iter();
    Ok(EraseDataResponse {
        tables: tables
            .map(|count| ErasedTable {
                table: count.table,
                rows_before: count.before,
                rows_after: count.after,
            })
            .collect(),
        connections: erased.connections,
    })
}
