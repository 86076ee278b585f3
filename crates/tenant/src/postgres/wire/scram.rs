//! The only way to sign in: SCRAM-SHA-256, bound to the TLS channel if both sides can.
//!
//! An Authentication message is a number (four bytes) and data that depends on it.

use postern_domain::Secret;
use postgres_protocol::{
    authentication::sasl::{SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
    message::frontend,
};
use tokio::time::Instant;

use super::{
    BROKEN, Wire,
    binding::Binding,
    message::Reader,
    proof::{self, Key},
    refusal::refusal,
};
use crate::{AuthError, TenantError};

const OK: u32 = 0;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// Proves that we know the password, and verifies that the server does, up to its `AuthenticationOk`.
pub(crate) async fn prove(
    wire: &mut Wire,
    binding: Binding,
    password: &Secret,
    until: Instant,
) -> Result<(), TenantError> {
    let mechanisms = Offered::read(step(wire, SASL, until).await?)?;
    let key = Key::new(password);
    let mut scram = begin(wire, mechanisms, binding, &key)?;
    wire.flush(until).await?;

    let challenge = step(wire, SASL_CONTINUE, until).await?;
    proof::refuse_excessive_cost(challenge, key.blocks())?;
    scram = proof::compute(scram, challenge.to_vec(), until).await?;
    frontend::sasl_response(scram.message(), &mut wire.output).map_err(|_| BROKEN)?;
    wire.flush(until).await?;

    let verdict = step(wire, SASL_FINAL, until).await?;
    scram.finish(verdict).map_err(|_| AuthError::Unproven)?;
    step(wire, OK, until).await?;
    Ok(())
}

/// Waits for the next Authentication message, which must be this one, and returns its data.
async fn step(wire: &mut Wire, wanted: u32, until: Instant) -> Result<&[u8], TenantError> {
    match wire.next(until).await? {
        b'R' => {}
        b'E' => return Err(refusal(wire.body())),
        _ => return Err(TenantError::Protocol("an unexpected message during the sign-in")),
    }
    let mut reader = Reader::new(wire.body());
    match reader.u32()? {
        kind if kind == wanted => Ok(reader.rest()),
        // The server must not skip its own proof.
        OK if wanted == SASL => Err(AuthError::NotAsked.into()),
        OK => Err(AuthError::Unproven.into()),
        CLEARTEXT => Err(AuthError::Cleartext.into()),
        MD5 => Err(AuthError::Md5.into()),
        SASL | SASL_CONTINUE | SASL_FINAL => Err(BROKEN),
        _ => Err(AuthError::Unsupported.into()),
    }
}

/// Which of our mechanisms the server offers.
#[derive(Clone, Copy)]
struct Offered {
    plain: bool,
    plus: bool,
}

impl Offered {
    /// The data is a list of NUL-terminated names that ends with an empty one.
    fn read(data: &[u8]) -> Result<Self, TenantError> {
        let mut reader = Reader::new(data);
        let mut offered = Self { plain: false, plus: false };
        loop {
            let name = reader.text()?;
            if name.is_empty() {
                return Ok(offered);
            }
            offered.plain |= name == SCRAM_SHA_256.as_bytes();
            offered.plus |= name == SCRAM_SHA_256_PLUS.as_bytes();
        }
    }
}

fn begin(wire: &mut Wire, offered: Offered, binding: Binding, key: &Key) -> Result<ScramSha256, TenantError> {
    let with_binding = offered.plus && binding.is_available();
    let mechanism = match offered {
        _ if with_binding => SCRAM_SHA_256_PLUS,
        Offered { plain: true, .. } => SCRAM_SHA_256,
        Offered { plain: false, .. } => return Err(AuthError::Unsupported.into()),
    };
    let scram = ScramSha256::new(key.expose(), binding.into_scram(with_binding));
    frontend::sasl_initial_response(mechanism, scram.message(), &mut wire.output).map_err(|_| BROKEN)?;
    Ok(scram)
}

#[cfg(test)]
#[path = "scram_tests.rs"]
mod tests;
