//! `BatchEncrypt`: seals several secrets.

use postern_domain::{OwnerId, Secret};
use postern_rpc::{
    Problem,
    crypto::{
        BatchEncryptRequest, BatchEncryptResponse, EncryptItem, EncryptResult, encrypt_result::Outcome,
    },
};

use super::{
    batch::{self, Turns, item_error},
    encrypt::seal,
};
use crate::keyring::RingHolder;

pub(super) async fn batch_encrypt(
    ring: &RingHolder,
    owner: OwnerId,
    request: BatchEncryptRequest,
) -> Result<BatchEncryptResponse, Problem> {
    batch::check(request.items.iter().map(|item| item.reference.as_str()))?;
    let mut results = Vec::with_capacity(request.items.len());
    let mut turns = Turns::default();
    for EncryptItem { reference, context, plaintext } in request.items {
        let plaintext = Secret::new(plaintext);
        let outcome = match seal(ring, owner, context, &plaintext) {
            Ok(sealed) => Outcome::Sealed(sealed),
            Err(problem) => Outcome::Error(item_error(&problem)),
        };
        results.push(EncryptResult { reference, outcome: Some(outcome) });
        turns.after(plaintext.len()).await;
    }
    Ok(BatchEncryptResponse { results })
}
