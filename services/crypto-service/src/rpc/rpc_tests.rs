//! The sealing RPCs, without what is before them.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use postern_domain::{
    OwnerId,
    limits::{SEAL_BYTES, SECRET_BYTES},
};
use postern_rpc::{
    Problem, Reason,
    crypto::{
        BatchDecryptRequest, BatchEncryptRequest, BatchRewrapRequest, Context, DecryptItem, DecryptRequest,
        EncryptItem, EncryptRequest, RewrapItem, RewrapRequest, decrypt_result, encrypt_result,
        rewrap_result,
    },
};
use tonic::{Code, Status};
use tracing::subscriber::DefaultGuard;
use uuid::Uuid;

use super::{
    batch_decrypt::batch_decrypt, batch_encrypt::batch_encrypt, batch_rewrap::batch_rewrap, decrypt::decrypt,
    encrypt::encrypt, rewrap::rewrap,
};
use crate::live_ring::{
    RingHolder,
    test_support::{RingFolder, change, context, id, owner, rotate},
};

fn wire_context() -> Context {
    Context {
        secret_id: context().secret.0.as_bytes().to_vec(),
        kind: "postgres".into(),
        endpoint_digest: context().endpoint.0.to_vec(),
    }
}

fn sealed(ring: &RingHolder, plaintext: &[u8]) -> Vec<u8> {
    let request = EncryptRequest { context: Some(wire_context()), plaintext: plaintext.to_vec() };
    encrypt(ring, owner(), request).unwrap().sealed
}

async fn opened(ring: &Arc<RingHolder>, sealed: &[u8]) -> Result<Vec<u8>, Reason> {
    let request = DecryptRequest { context: Some(wire_context()), sealed: sealed.to_vec() };
    let opened = decrypt(ring, owner(), request).await;
    opened.map(|response| response.plaintext).map_err(|problem| problem.reason())
}

async fn rewrapped(ring: &Arc<RingHolder>, sealed: &[u8]) -> Result<Vec<u8>, Problem> {
    let owner_id = owner().0.as_bytes().to_vec();
    let request = RewrapRequest { owner_id, context: Some(wire_context()), sealed: sealed.to_vec() };
    rewrap(ring, request).await.map(|response| response.sealed)
}

/// Code, message and details, which must not distinguish one cause from another.
#[tokio::test]
async fn every_seal_that_does_not_open_gets_the_same_answer_to_the_last_byte() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    let seal = sealed(&ring, b"hunter2");
    let answer = async |owner, context: Context, sealed: Vec<u8>| {
        let request = DecryptRequest { context: Some(context), sealed };
        let status = Status::from(decrypt(&ring, owner, request).await.unwrap_err());
        (status.code(), status.message().to_owned(), status.details().to_vec())
    };
    let changed = |at: usize| {
        let mut changed = seal.clone();
        changed[at] ^= 1;
        changed
    };
    let expected = answer(owner(), wire_context(), Vec::new()).await;
    assert_eq!(expected.0, Code::InvalidArgument);
    let broken = [
        changed(0),                    // the format
        changed(7),                    // the key: an unknown one
        changed(8),                    // the salt
        changed(40),                   // the commitment
        changed(seal.len() - 1),       // a chunk
        seal[..seal.len() - 1].into(), // its end
        [&seal[..], &[0]].concat(),
        vec![0; SEAL_BYTES + 1],
    ];
    for sealed in broken {
        assert_eq!(answer(owner(), wire_context(), sealed).await, expected);
    }
    let whole = wire_context();
    let contexts = [
        Context { secret_id: vec![3; 16], ..whole.clone() },
        Context { endpoint_digest: vec![3; 32], ..whole.clone() },
    ];
    for context in contexts {
        assert_eq!(answer(owner(), context, seal.clone()).await, expected);
    }
    assert_eq!(answer(OwnerId(Uuid::from_u128(9)), whole.clone(), seal.clone()).await, expected);

    rotate(&ring);
    change(&ring, |change| change.disable(id(1)));
    assert_eq!(answer(owner(), whole.clone(), seal.clone()).await, expected, "disabled");
    change(&ring, |change| change.destroy(id(1)));
    assert_eq!(answer(owner(), whole, seal).await, expected, "destroyed");
}

#[tokio::test]
async fn the_log_identifies_a_broken_seal_without_its_contents() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    let mut seal = sealed(&ring, b"hunter2");
    seal[60] ^= 1;
    let (log, _capturing) = captured_log();
    assert_eq!(opened(&ring, &seal).await, Err(Reason::SealBroken));
    assert_eq!(rewrapped(&ring, &seal).await.unwrap_err().reason(), Reason::SealBroken);
    let text = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    for line in lines {
        for part in ["key=\"1\"", &format!("owner={}", owner()), &format!("secret={}", context().secret)] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
}

/// What this thread logs until the guard is dropped.
fn captured_log() -> (Arc<Mutex<Vec<u8>>>, DefaultGuard) {
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || Sink(Arc::clone(&sink))).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn an_unknown_a_disabled_and_a_destroyed_key_look_like_any_broken_seal() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    let seal = sealed(&ring, b"hunter2");
    let mut unknown = seal.clone();
    unknown[7] = 9;
    assert_eq!(opened(&ring, &unknown).await, Err(Reason::SealBroken));
    rotate(&ring);
    assert_eq!(opened(&ring, &seal).await.unwrap(), b"hunter2");
    change(&ring, |change| change.disable(id(1)));
    assert_eq!(opened(&ring, &seal).await, Err(Reason::SealBroken));
    assert_eq!(rewrapped(&ring, &seal).await.unwrap_err().reason(), Reason::SealBroken);
    change(&ring, |change| change.destroy(id(1)));
    assert_eq!(opened(&ring, &seal).await, Err(Reason::SealBroken));
    assert_eq!(opened(&ring, b"").await, Err(Reason::SealBroken));
}

#[tokio::test]
async fn invalid_secrets_and_contexts_are_refused() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    let refusal = |context, length| {
        let request = EncryptRequest { context, plaintext: vec![1; length] };
        encrypt(&ring, owner(), request).unwrap_err().reason()
    };
    let whole = wire_context();
    assert_eq!(refusal(Some(whole.clone()), SECRET_BYTES + 1), Reason::PlaintextTooLarge);
    assert_eq!(refusal(Some(whole.clone()), 0), Reason::InvalidField);
    let odd = [
        None,
        Some(Context { secret_id: vec![1; 15], ..whole.clone() }),
        Some(Context { kind: "oracle".into(), ..whole.clone() }),
        Some(Context { endpoint_digest: vec![1; 33], ..whole }),
    ];
    for context in odd {
        assert_eq!(refusal(context, 5), Reason::InvalidField);
    }
}

#[tokio::test]
async fn a_rewrap_needs_the_right_owner_and_seals_only_for_that_owner() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    let old = sealed(&ring, b"hunter2");
    assert_eq!(rewrapped(&ring, &old).await.unwrap(), old, "it is under the primary key already");
    rotate(&ring);
    let new = rewrapped(&ring, &old).await.unwrap();
    assert_eq!((new[7], opened(&ring, &new).await.unwrap().as_slice()), (2, b"hunter2".as_slice()));

    for (owner_id, reason) in [(vec![9; 16], Reason::SealBroken), (vec![1; 15], Reason::InvalidField)] {
        for sealed in [&old, &new] {
            let request = RewrapRequest {
                owner_id: owner_id.clone(),
                context: Some(wire_context()),
                sealed: sealed.clone(),
            };
            assert_eq!(rewrap(&ring, request).await.unwrap_err().reason(), reason);
        }
    }
}

#[tokio::test]
async fn items_of_a_batch_fail_one_by_one_and_keep_their_references_and_order() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    let item = |reference: &str, length| EncryptItem {
        reference: reference.into(),
        context: Some(wire_context()),
        plaintext: vec![7; length],
    };
    let items = vec![item("c", 3), item("a", SECRET_BYTES + 1), item("b", 5)];
    let results = batch_encrypt(&ring, owner(), BatchEncryptRequest { items }).await.unwrap().results;
    let references: Vec<_> = results.iter().map(|result| result.reference.as_str()).collect();
    assert_eq!(references, ["c", "a", "b"]);
    let mut seals = Vec::new();
    for result in results {
        match result.outcome.unwrap() {
            encrypt_result::Outcome::Sealed(sealed) => seals.push(sealed),
            encrypt_result::Outcome::Error(error) => {
                assert_eq!((result.reference.as_str(), error.reason.as_str()), ("a", "PLAINTEXT_TOO_LARGE"));
                assert!(error.message.contains("65536"), "{}", error.message);
            }
        }
    }
    assert_eq!(seals.len(), 2);
    rotate(&ring);

    let broken = vec![1, 2, 3];
    let sealed = [("x", seals[0].clone()), ("y", broken), ("z", seals[1].clone())];
    let items = sealed.clone().map(|(reference, sealed)| RewrapItem {
        reference: reference.into(),
        owner_id: owner().0.as_bytes().to_vec(),
        context: Some(wire_context()),
        sealed,
    });
    let results = batch_rewrap(&ring, BatchRewrapRequest { items: items.into() }).await.unwrap().results;
    let outcomes: Vec<_> = results.into_iter().map(|result| result.outcome.unwrap()).collect();
    let rewrap_result::Outcome::Error(error) = &outcomes[1] else { panic!("a broken seal was rewrapped") };
    assert_eq!(error.reason, "SEAL_BROKEN");
    for outcome in [&outcomes[0], &outcomes[2]] {
        assert!(matches!(outcome, rewrap_result::Outcome::Sealed(sealed) if sealed[7] == 2));
    }

    let items = sealed.map(|(reference, sealed)| DecryptItem {
        reference: reference.into(),
        context: Some(wire_context()),
        sealed,
    });
    let results =
        batch_decrypt(&ring, owner(), BatchDecryptRequest { items: items.into() }).await.unwrap().results;
    let lengths: Vec<_> = results
        .into_iter()
        .map(|result| match result.outcome.unwrap() {
            decrypt_result::Outcome::Plaintext(plaintext) => Ok(plaintext.len()),
            decrypt_result::Outcome::Error(error) => {
                assert_eq!(error.hint, "Save the connection again with its password or key.");
                Err(error.reason)
            }
        })
        .collect();
    assert_eq!(lengths, [Ok(3), Err("SEAL_BROKEN".to_owned()), Ok(5)]);
}

#[tokio::test]
async fn batches_that_are_no_batches_are_refused_whole() {
    let folder = RingFolder::new();
    let ring = folder.holder();
    for count in [0, 101] {
        let items =
            (0..count).map(|n: i32| EncryptItem { reference: n.to_string(), ..EncryptItem::default() });
        let refused = batch_encrypt(&ring, owner(), BatchEncryptRequest { items: items.collect() }).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::InvalidField);
        let items =
            (0..count).map(|n: i32| DecryptItem { reference: n.to_string(), ..DecryptItem::default() });
        let refused = batch_decrypt(&ring, owner(), BatchDecryptRequest { items: items.collect() }).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::InvalidField);
        let items = (0..count).map(|n: i32| RewrapItem { reference: n.to_string(), ..RewrapItem::default() });
        let refused = batch_rewrap(&ring, BatchRewrapRequest { items: items.collect() }).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::InvalidField);
    }
}
