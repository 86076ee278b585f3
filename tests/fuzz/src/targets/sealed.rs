//! Bytes that were never sealed do not open, whatever stands at their head.

use postern_domain::{EndpointDigest, OwnerId, SecretId, TenantKind};
use postern_envelope::{KeyRing, RewrapError, SealContext};
use uuid::Uuid;

use crate::{Verdict, memory, random::InputEntropy, ring::Rings};

/// Opens the bytes as they are, and behind the head of each key.
pub fn check(input: &[u8]) -> Verdict {
    let ring = &Rings::shared().now;
    refuses(ring, input, input);
    for id in 0..=6_u32 {
        let sealed = [&b"PSL1"[..], &id.to_be_bytes(), input].concat();
        refuses(ring, &sealed, input);
        // Those of `Rings::now` that open: active, primary and staged.
        assert_eq!(ring.has_key_of(&sealed), (3..=5).contains(&id), "key {id}");
    }
    if ring.has_key_of(input) { Verdict::Accepted } else { Verdict::Refused }
}

fn refuses(ring: &KeyRing, sealed: &[u8], input: &[u8]) {
    let context = SealContext {
        owner: OwnerId(Uuid::nil()),
        secret: SecretId(Uuid::nil()),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([0; 32]),
    };
    let (opened, bytes) = memory::peak_of(|| ring.open(&context, sealed).map(drop));
    assert!(opened.is_err(), "bytes that nobody sealed open");
    assert!(bytes <= sealed.len() + 4096, "{bytes} bytes for a seal of {}", sealed.len());
    let rewrapped = ring.rewrap(&context, sealed, &InputEntropy::new(input));
    assert!(matches!(rewrapped, Err(RewrapError::Open(_))), "bytes that nobody sealed are rewrapped");
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let whole = |length: usize| [&b"PSL1\0\0\0\x04"[..], &vec![7; length]].concat();
    [0, 8, 55, 56, 71, 72, 73, 200, 16 * 1024 + 72, KeyRing::SEALED_BYTES - 8, KeyRing::SEALED_BYTES - 7].map(whole).into()
}
