//! `postern keyring promote`.

use std::time::Duration;

use postern_rpc::crypto::PromoteKeyRequest;

use crate::{
    crypto::{self, Crypto},
    failure::Failure,
    output::Output,
    waiting,
};

use super::view::RingView;

/// `wait`: seconds to wait for replicas that lack the key; `None` lets crypto-service refuse.
pub(super) async fn run(crypto: &Crypto, id: u32, wait: Option<u64>, output: Output) -> Result<(), Failure> {
    if let Some(seconds) = wait {
        let timeout = Duration::from_secs(seconds);
        waiting::until_none_is(crypto, timeout, |ring, replica| {
            // A key that the ring does not hold is nothing to wait for.
            ring.keys.iter().any(|key| key.id == id) && !replica.key_ids.contains(&id)
        })
        .await?;
    }
    let request = PromoteKeyRequest { key_id: id, expected_revision: None };
    let answer = crypto.keyring.clone().promote_key(request).await?.into_inner();
    let view = RingView::new(crypto::whole(answer.keyring)?, None);
    output.print(&view, || format!("Key {id} seals from now on. Next: postern rewrap\n"))
}
