//! `postern keyring enable`.

use postern_rpc::crypto::EnableKeyRequest;

use crate::{
    crypto::{self, Crypto},
    failure::Failure,
    output::Output,
};

use super::view::RingView;

pub(super) async fn run(crypto: &Crypto, id: u32, output: Output) -> Result<(), Failure> {
    let request = EnableKeyRequest { key_id: id, expected_revision: None };
    let answer = crypto.keyring.clone().enable_key(request).await?.into_inner();
    let view = RingView::new(crypto::whole(answer.keyring)?, None);
    output.print(&view, || {
        format!("Seals under key {id} can be opened again. To rewrap them: postern rewrap\n")
    })
}
