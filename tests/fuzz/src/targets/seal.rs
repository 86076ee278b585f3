//! A real seal opens for its context and gives its secret; changed in any way, or for any other context, it does not.

use std::num::NonZeroU8;

use arbitrary::Arbitrary;
use postern_domain::{EndpointDigest, OwnerId, Secret, SecretId, TenantKind, limits::SECRET_BYTES};
use postern_envelope::{KeyRing, Rewrapped, SealContext};
use uuid::Uuid;

use crate::{
    Verdict,
    random::{self, InputEntropy},
    ring::Rings,
};

/// Bytes of a chunk of plaintext, and of what surrounds the chunks; see `KeyRing::seal` and the module `cobblestone`.
const CHUNK: usize = 16 * 1024;
const HEAD: usize = 4 + 4;
const SALT_AND_COMMITMENT: usize = 24 + 32;
const TAG: usize = 16;

#[derive(Arbitrary)]
struct Case {
    owner: u128,
    secret: u128,
    endpoint: [u8; 32],
    part: Vec<u8>,
    /// How often the part is repeated: plaintexts longer than a chunk are more than a fuzzer wants to write.
    repeat: u16,
    /// Whether the key has been replaced since.
    is_old: bool,
    changes: Vec<Change>,
    /// Which bit of the context is another in the foreign one.
    foreign_bit: u16,
}

#[derive(Arbitrary)]
enum Change {
    Flip { at: u32, bits: NonZeroU8 },
    Cut { length: u32 },
    Append(Vec<u8>),
    Remove { at: u32, length: u8 },
    Key(u32),
    /// Bytes of another seal of the same secret, at the same place.
    Splice { at: u32, length: u16 },
    SwapChunks { first: u8, second: u8 },
}

/// Seals, changes, opens.
pub fn check(input: &[u8]) -> Verdict {
    let Some(case) = random::structure::<Case>(input) else { return Verdict::Refused };
    let rings = Rings::shared();
    let ring = if case.is_old { &rings.before } else { &rings.now };
    let (context, plaintext) = (case.context(), case.plaintext());
    let entropy = InputEntropy::new(input);
    let seal = || ring.seal(&context, &Secret::new(plaintext.clone()), &entropy);
    let Ok(sealed) = seal() else {
        assert!(plaintext.is_empty() || plaintext.len() > SECRET_BYTES, "a secret was not sealed");
        return Verdict::Refused;
    };
    let chunks = plaintext.len() / CHUNK + 1;
    assert_eq!(sealed.len(), HEAD + SALT_AND_COMMITMENT + plaintext.len() + chunks * TAG);
    assert!(plaintext.len() < TAG || !contains(&sealed, &plaintext), "the plaintext stands in the seal");

    let other = seal().expect("it was sealed before");
    assert_ne!(sealed, other, "two seals are alike");
    opens_for_nobody_else(&rings.now, &case, &sealed);
    assert!(rings.now.open(&context, &sealed).is_ok_and(|opened| opened.secret.expose() == plaintext));
    rewraps(&rings.now, &context, &sealed, &plaintext, &entropy);

    let mut changed = sealed.clone();
    case.changes.iter().for_each(|change| change.apply(&mut changed, &other));
    // A splice from start to end makes it the other seal, which is a good one.
    let is_whole = changed == sealed || changed == other;
    assert_eq!(rings.now.open(&context, &changed).is_ok(), is_whole, "a changed seal opens");
    Verdict::Accepted
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    random::seeds()
}

impl Case {
    fn context(&self) -> SealContext {
        SealContext {
            owner: OwnerId(Uuid::from_u128(self.owner)),
            secret: SecretId(Uuid::from_u128(self.secret)),
            kind: TenantKind::Postgres,
            endpoint: EndpointDigest(self.endpoint),
        }
    }

    /// The context, less one bit.
    fn foreign(&self) -> SealContext {
        let mut context = self.context();
        let bit = usize::from(self.foreign_bit) % ((16 + 16 + 32) * 8);
        let flipped = |number: u128, bit: usize| Uuid::from_u128(number ^ (1 << bit));
        match bit / 128 {
            0 => context.owner = OwnerId(flipped(self.owner, bit)),
            1 => context.secret = SecretId(flipped(self.secret, bit - 128)),
            _ => context.endpoint.0[(bit - 256) / 8] ^= 1 << (bit % 8),
        }
        context
    }

    fn plaintext(&self) -> Vec<u8> {
        let most = (SECRET_BYTES + 2).checked_div(self.part.len()).unwrap_or_default();
        self.part.repeat(usize::from(self.repeat).clamp(1, most.max(1)))
    }
}

fn opens_for_nobody_else(ring: &KeyRing, case: &Case, sealed: &[u8]) {
    assert!(ring.open(&case.foreign(), sealed).is_err(), "a seal opens in a foreign context");
    let stranger = &Rings::shared().stranger;
    assert!(stranger.open(&case.context(), sealed).is_err(), "a seal opens with a foreign key");
}

fn rewraps(ring: &KeyRing, context: &SealContext, sealed: &[u8], plaintext: &[u8], entropy: &InputEntropy) {
    match ring.rewrap(context, sealed, entropy).expect("it opens") {
        Rewrapped::Unchanged => assert_eq!(sealed[4..8], ring.primary().to_be_bytes()),
        Rewrapped::Replaced { sealed: new, from } => {
            assert_eq!((&sealed[4..8], &new[4..8]), (&from.to_be_bytes()[..], &ring.primary().to_be_bytes()[..]));
            assert!(ring.open(context, &new).is_ok_and(|opened| opened.secret.expose() == plaintext));
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

impl Change {
    fn apply(&self, sealed: &mut Vec<u8>, other: &[u8]) {
        let end = sealed.len();
        let place = |at: u32| at as usize % end.max(1);
        match self {
            Self::Flip { at, bits } => sealed.iter_mut().skip(place(*at)).take(1).for_each(|byte| *byte ^= bits.get()),
            Self::Cut { length } => sealed.truncate(place(*length)),
            Self::Append(bytes) => sealed.extend(bytes),
            Self::Remove { at, length } => {
                let start = place(*at);
                sealed.drain(start..end.min(start + usize::from(*length)));
            }
            Self::Key(id) if end >= HEAD => sealed[4..HEAD].copy_from_slice(&id.to_be_bytes()),
            Self::Splice { at, length } => {
                let start = place(*at);
                let stop = end.min(other.len()).min(start + usize::from(*length)).max(start);
                if let Some(part) = other.get(start..stop) {
                    sealed[start..stop].copy_from_slice(part);
                }
            }
            Self::SwapChunks { first, second } => swap_chunks(sealed, usize::from(*first), usize::from(*second)),
            Self::Key(_) => {}
        }
    }
}

fn swap_chunks(sealed: &mut [u8], first: usize, second: usize) {
    let Some(body) = sealed.get_mut(HEAD + SALT_AND_COMMITMENT..) else { return };
    let mut chunks: Vec<_> = body.chunks_exact_mut(CHUNK + TAG).collect();
    let count = chunks.len().max(1);
    if let Ok([a, b]) = chunks.get_disjoint_mut([first % count, second % count]) {
        a.swap_with_slice(b);
    }
}
