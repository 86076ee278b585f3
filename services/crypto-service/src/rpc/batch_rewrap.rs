//! `BatchRewrap`: replaces several seals.

use std::sync::Arc;

use postern_rpc::{
    Problem,
    crypto::{BatchRewrapRequest, BatchRewrapResponse, RewrapItem, RewrapResult, rewrap_result::Outcome},
};

use super::{
    batch::{self, Turns, item_error},
    rewrap::replace,
};
use crate::keyring::RingHolder;

pub(super) async fn batch_rewrap(
    ring: &Arc<RingHolder>,
    request: BatchRewrapRequest,
) -> Result<BatchRewrapResponse, Problem> {
    batch::check(request.items.iter().map(|item| item.reference.as_str()))?;
    let mut results = Vec::with_capacity(request.items.len());
    let mut turns = Turns::default();
    for RewrapItem { reference, owner_id, context, sealed } in request.items {
        let length = sealed.len();
        let outcome = match replace(ring, &owner_id, context, sealed).await {
            Ok(sealed) => Outcome::Sealed(sealed),
            Err(problem) => Outcome::Error(item_error(&problem)),
        };
        results.push(RewrapResult { reference, outcome: Some(outcome) });
        turns.after(length).await;
    }
    Ok(BatchRewrapResponse { results })
}
