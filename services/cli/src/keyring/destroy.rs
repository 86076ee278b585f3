//! `postern keyring destroy`.

use postern_rpc::crypto::{DestroyKeyRequest, KeyState};

use crate::{
    ask,
    config::Config,
    crypto::{self, Crypto},
    database,
    failure::Failure,
    output::{Output, count},
};

use super::view::RingView;

/// What the operator has said.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub id: u32,
    pub yes: bool,
    pub allow_loss: bool,
}

/// Counts what is sealed under the key, says so, asks, and destroys. A key that is not disabled is not counted and
/// asked for: crypto-service refuses it.
pub(super) async fn run(
    crypto: &Crypto,
    config: &Config,
    choice: Choice,
    output: Output,
) -> Result<(), Failure> {
    let Choice { id, allow_loss, .. } = choice;
    let ring = crypto.ring().await?;
    let mut request = DestroyKeyRequest {
        key_id: id,
        expected_revision: Some(ring.revision),
        remaining_seals: None,
        allow_loss,
    };
    if crypto::state(&ring, id) == Some(KeyState::Disabled) {
        request.remaining_seals = Some(agreed(config, choice).await?);
    }
    let answer = crypto.keyring.clone().destroy_key(request).await?.into_inner();
    let view = RingView::new(crypto::whole(answer.keyring)?, None);
    output.print(&view, || format!("Key {id} is destroyed.\n"))
}

/// The seals under the key, once the operator knows of them and still wants it destroyed.
async fn agreed(config: &Config, Choice { id, yes, allow_loss }: Choice) -> Result<i64, Failure> {
    let under = database::under(&database::seals(config).await?.counts().await?, id);
    let loss = format!(
        "{} of {} under key {id} would be lost.",
        count(under.seals.unsigned_abs(), "seal"),
        count(under.owners.unsigned_abs(), "owner")
    );
    if under.seals > 0 && !allow_loss {
        let advice = format!("Run `postern keyring enable {id}` and `postern rewrap`; or add --allow-loss.");
        return Err(Failure::refused(loss).hint(advice));
    }
    ask::confirm(yes, &format!("{loss} Key {id} cannot be brought back."))?;
    Ok(under.seals)
}
