//! `postern keyring disable`.

use postern_rpc::crypto::DisableKeyRequest;

use crate::{
    ask,
    config::Config,
    crypto::{self, Crypto},
    database,
    failure::Failure,
    output::{Output, count},
};

use super::view::RingView;

/// Asks first if what is sealed under the key would stop to open.
pub(super) async fn run(
    crypto: &Crypto,
    config: &Config,
    id: u32,
    yes: bool,
    output: Output,
) -> Result<(), Failure> {
    let ring = crypto.ring().await?;
    if let Some(counts) = database::counts(config).await? {
        let under = database::under(&counts, id);
        if under.seals > 0 {
            let seals = count(under.seals.unsigned_abs(), "seal");
            ask::confirm(yes, &format!("{seals} under key {id} would not open any more."))?;
        }
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
