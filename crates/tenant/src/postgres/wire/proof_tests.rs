use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use postgres_protocol::authentication::sasl::ChannelBinding;
use tokio::task::yield_now;

use super::*;

fn key(password: &[u8]) -> Key {
    Key::new(&Secret::new(password.to_vec()))
}

fn mac(key: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(b"salt");
    mac.finalize().into_bytes().to_vec()
}

/// What the protocol's crate computes with: the password, prepared.
fn mac_of_password(password: &[u8]) -> Vec<u8> {
    match str::from_utf8(password).map(stringprep::saslprep) {
        Ok(Ok(prepared)) => mac(prepared.as_bytes()),
        _ => mac(password),
    }
}

#[test]
fn the_cost_does_not_depend_on_the_length_of_the_password() {
    for length in [1, 64, 65, 60_000] {
        let key = key(&vec![b'x'; length]);
        assert!(key.expose().len() <= BLOCK, "{length}");
        assert_eq!(key.blocks(), 1);
    }
}

#[test]
fn a_hashed_password_gives_the_same_proof() {
    let ligatures = "\u{fb01}\u{2168}\u{ad}\u{a0}".repeat(30);
    let not_utf8 = vec![0xff; 100];
    let forbidden = format!("{}\u{7}", "x".repeat(80));
    // Shorter than a block, and longer once it is prepared.
    let grows = "\u{fdfa}".repeat(20);
    for password in [
        b"short".as_slice(),
        &[b'x'; 64],
        &[b'x'; 65],
        ligatures.as_bytes(),
        &not_utf8,
        forbidden.as_bytes(),
        grows.as_bytes(),
    ] {
        // The crate prepares the key once more.
        assert_eq!(mac_of_password(key(password).expose()), mac_of_password(password), "{password:?}");
    }
}

#[test]
fn iterations_count_for_each_block_of_the_key() {
    let challenge = |count: u64| format!("r=n,s=c2FsdA==,i={count}").into_bytes();
    assert!(refuse_excessive_cost(&challenge(100_000), 1).is_ok());
    assert!(refuse_excessive_cost(&challenge(33_333), 3).is_ok());
    for (count, blocks) in [(100_001, 1), (33_334, 3), (u64::MAX, 2)] {
        let refused = refuse_excessive_cost(&challenge(count), blocks);
        assert!(matches!(refused, Err(TenantError::Auth(AuthError::Iterations))), "{count}");
    }
}

fn exchange(iterations: u32) -> (ScramSha256, Vec<u8>) {
    let scram = ScramSha256::new(b"p", ChannelBinding::unsupported());
    let nonce = String::from_utf8(scram.message()["n,,n=,r=".len()..].to_vec()).unwrap();
    (scram, format!("r={nonce}x,s=c2FsdA==,i={iterations}").into_bytes())
}

fn slots(count: usize) -> &'static Semaphore {
    Box::leak(Box::new(Semaphore::new(count)))
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_slot_counts_against_the_deadline() {
    let slots = slots(1);
    let _taken = slots.acquire().await.unwrap();
    let (scram, challenge) = exchange(1);
    let until = Instant::now() + Duration::from_secs(3);
    let refused = compute_in(slots, scram, challenge, until).await;
    assert!(matches!(refused, Err(TenantError::Timeout)));
    assert_eq!(Instant::now(), until);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_free_the_slot_of_its_computation() {
    let slots = slots(1);
    let (scram, challenge) = exchange(100_000);
    let caller = tokio::spawn(compute_in(slots, scram, challenge, Instant::now() + Duration::from_mins(1)));
    while slots.available_permits() > 0 {
        yield_now().await;
    }
    caller.abort();
    assert!(caller.await.is_err());
    assert_eq!(slots.available_permits(), 0, "the computation goes on");
    // It is freed once the computation is done.
    let _slot = slots.acquire().await.unwrap();
}
