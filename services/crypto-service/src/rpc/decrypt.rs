//! `Decrypt`: opens a seal of the caller.

use postern_domain::OwnerId;
use postern_envelope::KeyRing;
use postern_rpc::{
    Problem, Reason,
    crypto::{DecryptRequest, DecryptResponse},
};

use crate::context;

pub(super) fn decrypt(
    ring: &KeyRing,
    owner: OwnerId,
    request: DecryptRequest,
) -> Result<DecryptResponse, Problem> {
    let context = context::parse(request.context, owner)?;
    let secret = ring.open(&context, &request.sealed).map_err(|_| {
        // A seal that does not open is a foreign, swapped or damaged row, or a lost key: an operator should look.
        tracing::warn!("a seal did not open");
        Problem::new(Reason::SealBroken, "The stored secret cannot be opened.")
            .hint("Save the connection again with its password.")
    })?;
    Ok(DecryptResponse { plaintext: secret.into_exposed() })
}
