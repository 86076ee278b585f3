//! `postern keyring stage`.

use postern_rpc::crypto::{KeyState, Keyring, StageKeyRequest};
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

/// Stages a key, unless one is staged already, so that this can be repeated if the response was lost.
pub(super) async fn run(crypto: &Crypto, output: Output) -> Result<(), Failure> {
    let ring = crypto.ring().await?;
    let waiting = ring.keys.iter().find(|key| key.state() == KeyState::Staged).map(|key| key.id);
    let ((key_id, keyring), already) = match waiting {
        Some(id) => ((id, ring), " already"),
        None => (stage(crypto, ring.revision).await?, ""),
    };
    let staged = Staged { key_id, keyring: RingView::new(keyring, None) };
    output.print(&staged, || {
        format!("Key {key_id} is staged{already}. Next: postern keyring promote {key_id} --wait\n")
    })
}

async fn stage(crypto: &Crypto, revision: i64) -> Result<(u32, Keyring), Failure> {
    let request = StageKeyRequest { expected_revision: Some(revision) };
    let answer = crypto.keyring.clone().stage_key(request).await?.into_inner();
    Ok((answer.key_id, crypto::whole(answer.keyring)?))
}
