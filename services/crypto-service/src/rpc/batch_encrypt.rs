//! `BatchEncrypt`: seals several secrets.

use std::future::ready;

use postern_domain::{OwnerId, Secret};
use postern_rpc::{
    Problem,
    crypto::{
        BatchEncryptRequest, BatchEncryptResponse, EncryptItem, EncryptResult, encrypt_result::Outcome,
    },
};

use super::{
    batch::{self, item_error},
    encrypt::seal,
};
use crate::live_ring::RingHolder;

pub(super) async fn batch_encrypt(
    ring: &RingHolder,
    owner: OwnerId,
    request: BatchEncryptRequest,
) -> Result<BatchEncryptResponse, Problem> {
    batch::check(request.items.iter().map(|item| item.reference.as_str()))?;
    let work = |item| ready(encrypt_item(ring, owner, item));
    let results = batch::each(request.items, |item| item.plaintext.len(), work).await;
    Ok(BatchEncryptResponse { results })
}

fn encrypt_item(ring: &RingHolder, owner: OwnerId, item: EncryptItem) -> EncryptResult {
    let EncryptItem { reference, context, plaintext } = item;
    let outcome = match seal(ring, owner, context, &Secret::new(plaintext)) {
        Ok(sealed) => Outcome::Sealed(sealed),
        Err(problem) => Outcome::Error(item_error(&problem)),
    };
    EncryptResult { reference, outcome: Some(outcome) }
}
