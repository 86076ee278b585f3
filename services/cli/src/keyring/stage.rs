//! `postern keyring stage`.

use postern_rpc::crypto::StageKeyRequest;
use serde::Serialize;

use crate::{
    crypto::{self, Crypto},
    failure::Failure,
    output::Output,
};

use super::view::RingView;

#[derive(Serialize)]
struct Staged {
    key_id: u32,
    keyring: RingView,
}

pub(super) async fn run(crypto: &Crypto, output: Output) -> Result<(), Failure> {
    let answer =
        crypto.keyring.clone().stage_key(StageKeyRequest { expected_revision: None }).await?.into_inner();
    let (key_id, ring) = (answer.key_id, crypto::whole(answer.keyring)?);
    let staged = Staged { key_id, keyring: RingView::new(ring, None) };
    output
        .print(&staged, || format!("Key {key_id} is staged. Next: postern keyring promote {key_id} --wait\n"))
}
