//! `ExportData`: everything stored about the caller, as one JSON document.

use postern_domain::Caller;
use postern_rpc::{Problem, connection::ExportDataResponse};
use postern_store::ConnectionStore;
use tokio_stream::Iter;
use tonic::Status;

use crate::convert;

/// Bytes of a part. Clients accept messages of 4 MiB; the document may be several times as long.
const PART_BYTES: usize = 256 * 1024;

/// The document in parts.
pub(crate) type Parts = Iter<std::vec::IntoIter<Result<ExportDataResponse, Status>>>;

pub(super) async fn export(store: &ConnectionStore, caller: Caller) -> Result<Parts, Problem> {
    let data = store.export(caller).await.map_err(|error| convert::store_problem(&error))?;
    let document = data.to_json();
    let part = |bytes: &[u8]| Ok(ExportDataResponse { part: bytes.to_vec() });
    let parts: Vec<_> = document.as_bytes().chunks(PART_BYTES).map(part).collect();
    Ok(tokio_stream::iter(parts))
}
