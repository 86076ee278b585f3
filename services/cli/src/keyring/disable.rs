//! `postern keyring disable`.

use postern_rpc::crypto::{DisableKeyRequest, KeyState};

use crate::{
    ask,
    config::Config,
    crypto::{self, Crypto},
    database,
    failure::Failure,
    output::{Output, count},
};

use super::view::RingView;

/// Asks for confirmation if seals under the key exist or cannot be counted. If the key is neither staged nor active,
/// crypto-service will refuse, so it does not ask.
pub(super) async fn run(
    crypto: &Crypto,
    config: &Config,
    id: u32,
    yes: bool,
    output: Output,
) -> Result<(), Failure> {
    let ring = crypto.ring().await?;
    if matches!(crypto::state(&ring, id), Some(KeyState::Staged | KeyState::Active)) {
        agree(config, id, yes).await?;
    }
    let request = DisableKeyRequest { key_id: id, expected_revision: Some(ring.revision) };
    let answer = crypto.keyring.clone().disable_key(request).await?.into_inner();
    let view = RingView::new(crypto::whole(answer.keyring)?, None);
    output.print(&view, || {
        format!(
            "Key {id} is disabled. If everything still works, destroy it: postern keyring destroy {id}\n\
             If something does not open, enable it again: postern keyring enable {id}\n"
        )
    })
}

async fn agree(config: &Config, id: u32, yes: bool) -> Result<(), Failure> {
    let under = database::counts(config).await?.map(|counts| database::under(&counts, id).seals);
    match under {
        Some(0) => Ok(()),
        Some(seals) => {
            let seals = count(seals.unsigned_abs(), "seal");
            ask::confirm(yes, &format!("{seals} under key {id} would no longer open."))
        }
        None => {
            let what = format!(
                "No database is configured, so the seals under key {id} cannot be counted. None of them would open."
            );
            ask::confirm(yes, &what)
        }
    }
}
