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

/// Asks first if what is sealed under the key would stop to open, or if that is not known. A key that cannot be
/// disabled is not asked for: crypto-service refuses it.
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
            "Key {id} is disabled. Once nothing is missed: postern keyring destroy {id}\n\
             If something is: postern keyring enable {id}\n"
        )
    })
}

async fn agree(config: &Config, id: u32, yes: bool) -> Result<(), Failure> {
    let under = database::counts(config).await?.map(|counts| database::under(&counts, id).seals);
    match under {
        Some(0) => Ok(()),
        Some(seals) => {
            let seals = count(seals.unsigned_abs(), "seal");
            ask::confirm(yes, &format!("{seals} under key {id} would not open any more."))
        }
        None => {
            let what = format!(
                "Without a database nobody knows what is sealed under key {id}, and would not open any more."
            );
            ask::confirm(yes, &what)
        }
    }
}
