//! The costly part of SCRAM: PBKDF2 with as many iterations as the server asks for.
//!
//! Its time and its number of threads are bounded, whatever the server asks for. Both matter because the work can't be
//! cancelled: it goes on after its caller has gone.

use postern_domain::Secret;
use postgres_protocol::authentication::sasl::ScramSha256;
use sha2::{Digest, Sha256};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use super::BROKEN;
use crate::{AuthError, TenantError};

/// Most iterations of PBKDF2; Postgres' default is 4,096. On one core, 100,000 take about 50 ms.
const ITERATIONS: u64 = 100_000;

/// The block size of SHA-256, in bytes. HMAC hashes longer keys first.
const BLOCK: usize = 64;

/// Concurrent computations in this process. With more, sign-ins could take all cores from running queries; with only
/// one, a server that asks for the most iterations would delay all other sign-ins twice as long.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// A password in the form in which it is SCRAM's HMAC key.
pub(super) struct Key(Secret);

impl Key {
    /// Prepares a password as RFC 5802 requires, and hashes it if it is longer than a block.
    ///
    /// `postgres-protocol` passes the whole key to HMAC in every iteration, and HMAC replaces a key that is longer than
    /// a block with its hash, so passing the hash gives the same proof. The crate applies `SASLprep` to what it gets,
    /// and uses it unchanged if that fails. A hash is therefore used only if `SASLprep` does not change it, which is
    /// nearly always so, because random bytes are not valid UTF-8.
    pub(super) fn new(password: &Secret) -> Self {
        let prepared = prepared(password.expose());
        if prepared.expose().len() <= BLOCK {
            return Self(prepared);
        }
        let hash = Secret::new(Sha256::digest(prepared.expose()).to_vec());
        let is_left_alone = prepared_bytes(hash.expose()) == hash.expose();
        Self(if is_left_alone { hash } else { prepared })
    }

    pub(super) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Blocks that HMAC hashes in each iteration because of the key, as it hashes a key longer than a block each time.
    pub(super) fn blocks(&self) -> u64 {
        let length = self.0.expose().len();
        if length <= BLOCK { 1 } else { 1 + length.div_ceil(BLOCK) as u64 }
    }
}

fn prepared(password: &[u8]) -> Secret {
    Secret::new(prepared_bytes(password))
}

/// What `postgres-protocol` makes of a password.
fn prepared_bytes(password: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(password).ok();
    match text.and_then(|text| stringprep::saslprep(text).ok()) {
        Some(prepared) => prepared.into_owned().into_bytes(),
        None => password.to_vec(),
    }
}

/// Refuses a challenge, `r=NONCE,s=SALT,i=ITERATIONS`, that is too expensive.
pub(super) fn refuse_excessive_cost(challenge: &[u8], key_blocks: u64) -> Result<(), TenantError> {
    let text = str::from_utf8(challenge).map_err(|_| BROKEN)?;
    let count = text.rsplit(",i=").next().and_then(|digits| digits.parse::<u64>().ok()).ok_or(BROKEN)?;
    match count.checked_mul(key_blocks) {
        Some(0) => Err(BROKEN),
        Some(cost) if cost <= ITERATIONS => Ok(()),
        _ => Err(AuthError::Iterations.into()),
    }
}

/// Computes the proof on a thread for blocking work. Waiting for a slot counts against the deadline.
pub(super) async fn compute(
    scram: ScramSha256,
    challenge: Vec<u8>,
    until: Instant,
) -> Result<ScramSha256, TenantError> {
    compute_in(&SLOTS, scram, challenge, until).await
}

async fn compute_in(
    slots: &'static Semaphore,
    mut scram: ScramSha256,
    challenge: Vec<u8>,
    until: Instant,
) -> Result<ScramSha256, TenantError> {
    let computing = async {
        let slot = slots.acquire().await.map_err(|_| BROKEN)?;
        let work = spawn_blocking(move || {
            // Held in the closure, so that a caller that goes away does not free it before the work is done.
            let _slot = slot;
            scram.update(&challenge).map(|()| scram)
        });
        work.await.map_err(|_| BROKEN)?.map_err(|_| BROKEN)
    };
    timeout_at(until, computing).await.map_err(|_| TenantError::Timeout)?
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
