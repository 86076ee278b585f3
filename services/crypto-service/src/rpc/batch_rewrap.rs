//! `BatchRewrap`: rewraps several seals.

use std::sync::Arc;

use postern_rpc::{
    Problem,
    crypto::{BatchRewrapRequest, BatchRewrapResponse, RewrapItem, RewrapResult, rewrap_result::Outcome},
};

use super::{
    batch::{self, item_error},
    rewrap::replace,
};
use crate::live_ring::RingHolder;

pub(super) async fn batch_rewrap(
    ring: &Arc<RingHolder>,
    request: BatchRewrapRequest,
) -> Result<BatchRewrapResponse, Problem> {
    batch::check(request.items.iter().map(|item| item.reference.as_str()))?;
    let work = |item| rewrap_item(ring, item);
    let results = batch::each(request.items, |item| item.sealed.len(), work).await;
    Ok(BatchRewrapResponse { results })
}

async fn rewrap_item(ring: &Arc<RingHolder>, item: RewrapItem) -> RewrapResult {
    let RewrapItem { reference, owner_id, context, sealed } = item;
    let outcome = match replace(ring, &owner_id, context, sealed).await {
        Ok(sealed) => Outcome::Sealed(sealed),
        Err(problem) => Outcome::Error(item_error(&problem)),
    };
    RewrapResult { reference, outcome: Some(outcome) }
}
