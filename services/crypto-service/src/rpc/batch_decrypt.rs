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
    batch::{self, Turns, item_error},
    decrypt::open,
};
use crate::keyring::RingHolder;

pub(super) async fn batch_decrypt(
    ring: &Arc<RingHolder>,
    owner: OwnerId,
    request: BatchDecryptRequest,
) -> Result<BatchDecryptResponse, Problem> {
    batch::check(request.items.iter().map(|item| item.reference.as_str()))?;
    let mut results = Vec::with_capacity(request.items.len());
    let mut turns = Turns::default();
    for DecryptItem { reference, context, sealed } in request.items {
        let outcome = match open(ring, owner, context, &sealed).await {
            Ok(secret) => Outcome::Plaintext(secret.into_exposed()),
            Err(problem) => Outcome::Error(item_error(&problem)),
        };
        results.push(DecryptResult { reference, outcome: Some(outcome) });
        turns.after(sealed.len()).await;
    }
    Ok(BatchDecryptResponse { results })
}
