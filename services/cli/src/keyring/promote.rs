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

/// `wait`: seconds to wait for replicas that lack the key. With `None`, crypto-service refuses if one does.
pub(super) async fn run(crypto: &Crypto, id: u32, wait: Option<u64>, output: Output) -> Result<(), Failure> {
    if let Some(seconds) = wait {
        let timeout = Duration::from_secs(seconds);
        waiting::until_none_is(crypto, timeout, |ring, replica| {
            // If the ring does not contain the key, waiting is pointless: crypto-service will refuse.
            ring.keys.iter().any(|key| key.id == id) && !replica.key_ids.contains(&id)
        })
        .await?;
    }
    let request = PromoteKeyRequest { key_id: id, expected_revision: None };
    let answer = crypto.keyring.clone().promote_key(request).await?.into_inner();
    let view = RingView::new(crypto::whole(answer.keyring)?, None);
    output.print(&view, || format!("Key {id} is the primary key now. Next: postern rewrap\n"))
}
