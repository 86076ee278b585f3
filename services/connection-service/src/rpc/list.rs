//! `ListConnections`: the caller's connections, page by page, in the order of their names.

use postern_domain::Caller;
use postern_rpc::{
    Problem,
    connection::{ListConnectionsRequest, ListConnectionsResponse},
};
use postern_store::ConnectionStore;

use crate::convert;

const DEFAULT_PAGE: i64 = 50;
const LARGEST_PAGE: i64 = 200;

pub(super) async fn list(
    store: &ConnectionStore,
    caller: Caller,
    request: ListConnectionsRequest,
) -> Result<ListConnectionsResponse, Problem> {
    let size = match i64::from(request.page_size) {
        0 => DEFAULT_PAGE,
        size if size < 0 => {
            return Err(Problem::field("page_size", "a page has 1 to 200 connections; 0 means 50"));
        }
        size => size.min(LARGEST_PAGE),
    };
    // The cursor is the last name of the previous page, so it stays valid while rows come and go.
    if !request.page_token.is_empty() && convert::name(&request.page_token).is_err() {
        return Err(Problem::field("page_token", "page_token is the next_page_token of the page before"));
    }
    // One more than a page tells whether there is another.
    let rows = store.list(caller, request.page_token, size + 1).await;
    let mut rows = rows.map_err(|error| convert::store_problem(&error))?;
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > length;
    rows.truncate(length);
    let next_page_token = rows.last().filter(|_| more).map(|row| row.connection.name.to_string());
    Ok(ListConnectionsResponse {
        connections: rows.into_iter().map(convert::connection).collect(),
        next_page_token: next_page_token.unwrap_or_default(),
    })
}
