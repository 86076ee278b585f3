//! `postern keyring destroy`.

use postern_rpc::crypto::{DestroyKeyRequest, Key, KeyState};
use postern_store::SealCount;

use crate::{
    ask,
    config::Config,
    crypto::{self, Crypto},
    database,
    failure::Failure,
    output::{Output, count},
};

use super::view::RingView;

/// The arguments of the command.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub id: u32,
    pub yes: bool,
    pub allow_loss: bool,
}

/// Counts the seals under the key, asks for confirmation, and destroys the key. If the key is not disabled,
/// crypto-service will refuse, so it neither counts nor asks.
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
    if let Some(key) = ring.keys.iter().find(|key| key.id == id && key.state() == KeyState::Disabled) {
        request.remaining_seals = Some(agreed(config, key, choice).await?);
    }
    let answer = crypto.keyring.clone().destroy_key(request).await?.into_inner();
    let view = RingView::new(crypto::whole(answer.keyring)?, None);
    output.print(&view, || format!("Key {id} is destroyed.\n"))
}

/// Returns the number of seals under the key once the operator has agreed to destroy it.
async fn agreed(config: &Config, key: &Key, Choice { yes, allow_loss, .. }: Choice) -> Result<i64, Failure> {
    let under = database::under(&database::seals(config).await?.counts().await?, key.id);
    let loss = loss(under, key);
    if under.seals > 0 && !allow_loss {
        let advice =
            format!("Run `postern keyring enable {0}` and `postern rewrap`, or pass --allow-loss.", key.id);
        return Err(Failure::refused(loss).hint(advice));
    }
    ask::confirm(yes, &format!("{loss} {} Key {} cannot be brought back.", backups(key), key.id))?;
    Ok(under.seals)
}

fn loss(under: SealCount, key: &Key) -> String {
    if under.seals == 0 {
        return format!("No stored seal uses key {}.", key.id);
    }
    let seals = count(under.seals.unsigned_abs(), "seal");
    format!("{seals} of {} under key {} would be lost.", count(under.owners.unsigned_abs(), "owner"), key.id)
}

/// The count covers only the current database. Its backups may still contain seals under the key.
fn backups(key: &Key) -> String {
    let disabled = key.state_time.map(|time| time.to_string()).unwrap_or_default();
    format!("Database backups from before {disabled}, when it was disabled, may not open without it.")
}
