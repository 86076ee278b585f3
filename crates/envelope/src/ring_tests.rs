use postern_domain::{EndpointDigest, OwnerId, SecretId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::test_support::{CountingEntropy, FixedEntropy, NEW_YEAR, NewYear, NoEntropy, context, hex, ring};

fn secret(length: usize) -> Secret {
    Secret::new((0..=255).cycle().take(length).collect())
}

fn sealed(ring: &KeyRing, secret: &Secret) -> Vec<u8> {
    ring.seal(&context(), secret, &CountingEntropy::default()).unwrap()
}

fn opens(ring: &KeyRing, sealed: &[u8]) -> bool {
    ring.open(&context(), sealed).is_ok()
}

/// A ring whose keys are all the same byte, in the given states, numbered from 1.
fn ring_of(states: &[(KeyState, u8)]) -> KeyRing {
    let infos: Vec<KeyInfo> = (1..)
        .zip(states)
        .map(|(id, &(state, _))| KeyInfo {
            id: KeyId::new(id).unwrap(),
            state,
            created_at: 0,
            state_since: 0,
        })
        .collect();
    KeyRing::assemble::<RingError>(infos, |id| Ok(key(states[id.get() as usize - 1].1))).unwrap()
}

fn key(byte: u8) -> Arc<MasterKey> {
    Arc::new(MasterKey::from_slice(&[byte; 32]).unwrap())
}

#[test]
fn what_is_sealed_opens_around_every_boundary_of_a_chunk() {
    let ring = ring();
    for length in [1, 2, 16383, 16384, 16385, 32767, 32768, 49152, 65535, limits::SECRET_BYTES] {
        let secret = secret(length);
        let sealed = sealed(&ring, &secret);
        assert!(ring.open(&context(), &sealed).unwrap().secret == secret, "{length}");
        assert!(sealed.len() <= KeyRing::SEALED_BYTES, "{length}");
    }
    assert_eq!(sealed(&ring, &secret(limits::SECRET_BYTES)).len(), KeyRing::SEALED_BYTES);
}

#[test]
fn what_cannot_be_sealed_is_told() {
    let refused = |secret: &Secret| ring().seal(&context(), secret, &CountingEntropy::default()).err();
    assert_eq!(refused(&secret(0)), Some(SealError::Empty));
    assert_eq!(refused(&secret(limits::SECRET_BYTES + 1)), Some(SealError::TooLong));
    assert_eq!(ring().seal(&context(), &secret(1), &NoEntropy).err(), Some(SealError::Entropy(EntropyError)));
}

/// The expectation was computed by another implementation (Python's hmac and cryptography). Databases hold
/// values of this form: when this test fails, the change needs a new format tag instead of a new expectation.
#[test]
fn the_sealed_form_does_not_drift() {
    let ring = ring_of(&[(KeyState::Active, 1), (KeyState::Primary, 2)]);
    let sealed = ring.seal(&context(), &Secret::new(b"hunter2".to_vec()), &FixedEntropy(&[9; 24])).unwrap();
    let expected = [
        "50534c31", // "PSL1"
        "00000002", // key id
        "090909090909090909090909090909090909090909090909",
        "c311fe0dd8f4632cbdf52631d3b465aa4a9bffb49cdcafeac62cd44e6b709152",
        "db9684883cf19ee10ff71c76e1dd13930271f7fbc9365d",
    ];
    assert_eq!(hex(&sealed), expected.concat());
}

#[test]
fn every_flipped_bit_every_cut_and_every_added_byte_is_refused() {
    let ring = ring();
    let sealed = sealed(&ring, &secret(40));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(&ring, &changed), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(!opens(&ring, &sealed[..length]), "cut to {length}");
    }
    for byte in 0..=255 {
        assert!(!opens(&ring, &[sealed.as_slice(), &[byte]].concat()), "added {byte}");
        assert!(!opens(&ring, &[&[byte], sealed.as_slice()].concat()), "put before {byte}");
    }
}

#[test]
fn every_part_of_the_context_is_bound() {
    let (ring, own) = (ring(), context());
    let sealed = sealed(&ring, &secret(9));
    let foreign = [
        SealContext { owner: OwnerId(Uuid::from_bytes([0x12; 16])), ..own },
        SealContext { secret: SecretId(Uuid::from_bytes([0x23; 16])), ..own },
        SealContext { endpoint: EndpointDigest([0x34; 32]), ..own },
        SealContext { owner: OwnerId(own.secret.0), secret: SecretId(own.owner.0), ..own },
    ];
    for context in foreign {
        assert_eq!(ring.open(&context, &sealed).err(), Some(OpenError), "{context:?}");
    }
    assert!(opens(&ring, &sealed));
}

/// There is one kind of tenant so far, so that another one is written into the encoded context by hand.
#[test]
fn the_kind_is_bound() {
    let ring = ring();
    let key = &ring.usable[&ring.primary];
    let own = context().encode(ring.primary);
    let at = own.windows(8).position(|text| text == b"postgres").unwrap();
    for kind in [b"postgres", b"supabase"] {
        let mut context = own.clone();
        context[at..at + 8].copy_from_slice(kind);
        let mut sealed = [FORMAT.as_slice(), &ring.primary.to_be_bytes()].concat();
        cobblestone::seal(key, &context, b"x", &CountingEntropy::default(), &mut sealed).unwrap();
        assert_eq!(opens(&ring, &sealed), kind == b"postgres");
    }
}

#[test]
fn an_empty_plaintext_does_not_open() {
    let ring = ring();
    let mut sealed = [FORMAT.as_slice(), &ring.primary.to_be_bytes()].concat();
    let context = context().encode(ring.primary);
    cobblestone::seal(&ring.usable[&ring.primary], &context, b"", &CountingEntropy::default(), &mut sealed)
        .unwrap();
    assert!(!opens(&ring, &sealed));
}

#[test]
fn another_ring_or_another_key_does_not_open() {
    let value = sealed(&ring(), &secret(9));
    assert!(!opens(&ring_of(&[(KeyState::Primary, 99)]), &value));

    // The very same key under another id: the id is part of the context.
    let twins = ring_of(&[(KeyState::Primary, 5), (KeyState::Active, 5)]);
    let mut value = sealed(&twins, &secret(9));
    assert!(opens(&twins, &value));
    value[7] = 2;
    assert!(!opens(&twins, &value));
}

#[test]
fn the_primary_seals_and_staged_primary_and_active_keys_open() {
    let sealed_by = |byte| sealed(&ring_of(&[(KeyState::Primary, byte)]), &secret(9));
    let ring = |state| ring_of(&[(state, 1), (KeyState::Primary, 2)]);
    for state in [KeyState::Staged, KeyState::Active] {
        assert!(opens(&ring(state), &sealed_by(1)), "{state:?}");
        assert_eq!(sealed(&ring(state), &secret(1))[..8], *b"PSL1\0\0\0\x02", "{state:?}");
    }
    for state in [KeyState::Disabled, KeyState::Destroyed] {
        assert!(!opens(&ring(state), &sealed_by(1)), "{state:?}");
    }
}

#[test]
fn opening_tells_which_key_it_took() {
    let old = ring_of(&[(KeyState::Primary, 1), (KeyState::Staged, 2)]);
    let new = ring_of(&[(KeyState::Active, 1), (KeyState::Primary, 2)]);
    for (ring, id) in [(&old, 1), (&new, 2)] {
        let sealed = sealed(ring, &secret(9));
        assert_eq!(new.open(&context(), &sealed).unwrap().key, KeyId::new(id).unwrap());
        assert!(new.has_key_of(&sealed));
    }
    let foreign = sealed(
        &ring_of(&[(KeyState::Disabled, 1), (KeyState::Active, 2), (KeyState::Primary, 3)]),
        &secret(9),
    );
    assert!(!new.has_key_of(&foreign));
    assert!(!new.has_key_of(b"PSL1"));
}

#[test]
fn a_seal_under_an_older_key_is_replaced_and_one_under_the_primary_stays() {
    let old = sealed(&ring_of(&[(KeyState::Primary, 1)]), &secret(70_00));
    let ring = ring_of(&[(KeyState::Active, 1), (KeyState::Primary, 2)]);
    let entropy = CountingEntropy::default();
    let Ok(Rewrapped::Replaced { sealed: new, from }) = ring.rewrap(&context(), &old, &entropy) else {
        panic!("the seal is under key 1")
    };
    assert_eq!(from, KeyId::FIRST);
    let opened = ring.open(&context(), &new).unwrap();
    assert_eq!(opened.key, ring.primary());
    assert!(opened.secret == secret(70_00));
    assert_eq!(ring.rewrap(&context(), &new, &entropy), Ok(Rewrapped::Unchanged));
}

#[test]
fn what_does_not_open_is_not_rewrapped_whatever_its_key() {
    let ring = ring_of(&[(KeyState::Active, 1), (KeyState::Primary, 2), (KeyState::Disabled, 3)]);
    for by in [1, 2, 3] {
        let mut states = [(KeyState::Active, 1), (KeyState::Active, 2), (KeyState::Active, 3)];
        states[by - 1].0 = KeyState::Primary;
        let mut sealed = sealed(&ring_of(&states), &secret(9));
        if by != 3 {
            *sealed.last_mut().unwrap() ^= 1;
        }
        let refused = ring.rewrap(&context(), &sealed, &CountingEntropy::default());
        assert_eq!(refused, Err(RewrapError::Open(OpenError)), "key {by}");
    }
    let old = sealed(&ring_of(&[(KeyState::Primary, 1)]), &secret(9));
    assert_eq!(ring.rewrap(&context(), &old, &NoEntropy), Err(RewrapError::Entropy(EntropyError)));
}

#[test]
fn a_generated_ring_is_listed() {
    let ring = KeyRing::generate(&CountingEntropy::default(), &NewYear).unwrap();
    let key =
        KeyInfo { id: KeyId::FIRST, state: KeyState::Primary, created_at: NEW_YEAR, state_since: NEW_YEAR };
    assert_eq!((ring.primary(), ring.keys()), (KeyId::FIRST, [key].as_slice()));
}

/// Each key is asked for at most once, and only when the ring is known to be one.
#[test]
fn keys_that_do_not_make_up_a_ring_are_refused_before_any_is_unlocked() {
    use KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let info = |(id, state)| KeyInfo { id: KeyId::new(id).unwrap(), state, created_at: 0, state_since: 0 };
    let assemble = |keys: &[(u32, KeyState)], unlocked: &mut Vec<u32>| {
        KeyRing::assemble::<RingError>(keys.iter().copied().map(info).collect(), |id| {
            unlocked.push(id.get());
            Ok(key(1))
        })
    };
    let refused: [(&[(u32, KeyState)], RingError); 4] = [
        (&[], RingError::NoPrimary),
        (&[(1, Active), (2, Staged)], RingError::NoPrimary),
        (&[(1, Primary), (2, Primary)], RingError::SeveralPrimaries),
        (&[(1, Active), (2, Primary), (1, Destroyed)], RingError::DuplicateId(KeyId::FIRST)),
    ];
    let mut unlocked = Vec::new();
    for (keys, error) in refused {
        assert_eq!(assemble(keys, &mut unlocked).err(), Some(error));
    }
    assert!(unlocked.is_empty());
    let keys = [(4, Staged), (3, Primary), (2, Disabled), (5, Active), (1, Destroyed)];
    let ring = assemble(&keys, &mut unlocked).unwrap();
    assert_eq!(unlocked, [4, 3, 5]);
    assert_eq!(ring.usable().map(KeyId::get).collect::<Vec<_>>(), [3, 4, 5]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn round_trip(length in 1..=limits::SECRET_BYTES, owner: [u8; 16], id: [u8; 16], digest: [u8; 32]) {
        let (ring, secret) = (ring(), secret(length));
        let context = SealContext {
            owner: OwnerId(Uuid::from_bytes(owner)),
            secret: SecretId(Uuid::from_bytes(id)),
            endpoint: EndpointDigest(digest),
            ..context()
        };
        let sealed = ring.seal(&context, &secret, &CountingEntropy::default()).unwrap();
        prop_assert!(ring.open(&context, &sealed).unwrap().secret == secret);
    }

    #[test]
    fn a_changed_long_value_is_refused(
        length in 16_000_usize..50_000, at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let ring = ring();
        let mut sealed = sealed(&ring, &secret(length));
        let cut = at.index(sealed.len());
        prop_assert!(!opens(&ring, &sealed[..cut]));
        sealed[cut] ^= 1_u8 << bit;
        prop_assert!(!opens(&ring, &sealed));
    }

    #[test]
    fn a_changed_context_is_refused(at in 0_usize..64, bit in 0_u8..8) {
        let own = context();
        let mut bytes = [own.owner.0.as_bytes().as_slice(), own.secret.0.as_bytes(), &own.endpoint.0].concat();
        bytes[at] ^= 1_u8 << bit;
        let foreign = SealContext {
            owner: OwnerId(Uuid::from_slice(&bytes[..16]).unwrap()),
            secret: SecretId(Uuid::from_slice(&bytes[16..32]).unwrap()),
            endpoint: EndpointDigest(bytes[32..].try_into().unwrap()),
            ..own
        };
        let ring = ring();
        prop_assert!(ring.open(&foreign, &sealed(&ring, &secret(9))).is_err());
    }

    #[test]
    fn garbage_never_panics(mut bytes: Vec<u8>) {
        prop_assert!(!opens(&ring(), &bytes));
        bytes.splice(0..0, *b"PSL1\0\0\0\x01");
        prop_assert!(!opens(&ring(), &bytes));
    }
}
