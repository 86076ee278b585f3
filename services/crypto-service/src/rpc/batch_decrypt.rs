//! `BatchDecrypt`: opens several seals of the caller.

use std::sync::Arc;

use postern_domain::OwnerId;
use postern_rpc::{
    Problem,
    crypto::{
        BatchDecryptRequest, BatchDecryptResponse, DecryptItem, DecryptResult, decrypt_result::Outcome,
    },
};

use super::{
    batch::{self, item_error},
    decrypt::open,
};
use crate::live_ring::RingHolder;

pub(super) async fn batch_decrypt(
    ring: &Arc<RingHolder>,
    owner: OwnerId,
    request: BatchDecryptRequest,
) -> Result<BatchDecryptResponse, Problem> {
    batch::check(request.items.iter().map(|item| item.reference.as_str()))?;
    let work = |item| decrypt_item(ring, owner, item);
    let results = batch::each(request.items, |item| item.sealed.len(), work).await;
    Ok(BatchDecryptResponse { results })
}

async fn decrypt_item(ring: &Arc<RingHolder>, owner: OwnerId, item: DecryptItem) -> DecryptResult {
    let DecryptItem { reference, context, sealed } = item;
    let outcome = match open(ring, owner, context, &sealed).await {
        Ok(secret) => Outcome::Plaintext(secret.into_exposed()),
        Err(problem) => Outcome::Error(item_error(&problem)),
    };
    DecryptResult { reference, outcome: Some(outcome) }
}
