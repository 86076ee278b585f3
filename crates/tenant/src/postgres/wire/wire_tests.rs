use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime;

use super::*;
use crate::postgres::fake::{message, pipe, soon};

#[tokio::test]
async fn messages_come_one_by_one_and_asides_are_skipped() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    server
        .send(
            &[message(b'N', b"x"), message(b'C', b"one\0"), message(b'S', b"y"), message(b'Z', b"I")]
                .concat(),
        )
        .await;
    assert_eq!((wire.next(soon()).await.unwrap(), wire.body()), (b'C', &b"one\0"[..]));
    assert!(!wire.setting_changed);
    assert_eq!((wire.next(soon()).await.unwrap(), wire.body()), (b'Z', &b"I"[..]));
    assert!(wire.setting_changed);
    assert!(wire.is_quiet());
    server.send(b"N").await;
    assert!(!wire.is_quiet());
}

#[tokio::test]
async fn a_flood_of_notices_ends_the_connection() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let flood = message(b'N', b"\0").repeat(1001);
    server.send(&flood).await;
    assert!(matches!(wire.next(soon()).await, Err(TenantError::Protocol("a flood of notices"))));
}

#[tokio::test]
async fn a_promised_length_takes_no_memory() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    server.send(&message(b'D', &vec![0; 16 * 1024 * 1024])[..100]).await;
    drop(server);
    assert!(matches!(wire.next(soon()).await, Err(TenantError::Closed)));
    assert!(wire.capacity() <= 2 * READ, "{}", wire.capacity());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_midway_runs_into_the_deadline() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    server.send(b"Z\0\0\0\x05").await;
    let until = Instant::now() + Duration::from_secs(3);
    assert!(matches!(wire.next(until).await, Err(TenantError::Timeout)));
    assert_eq!(Instant::now(), until);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_runs_into_the_deadline() {
    let (ours, _server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    wire.output.extend_from_slice(&vec![0; 2 << 20]);
    assert!(matches!(wire.flush(soon()).await, Err(TenantError::Timeout)));
    assert_eq!(wire.output.len(), 1 << 20, "what was not sent is kept");
}

#[tokio::test]
async fn a_large_message_is_read_and_its_memory_given_back() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let sending = tokio::spawn(async move {
        server.send(&message(b'D', &vec![7; 3_000_000])).await;
        server
    });
    assert_eq!(wire.next(soon()).await.unwrap(), b'D');
    assert_eq!(wire.body(), vec![7; 3_000_000]);
    wire.shrink();
    assert_eq!(wire.capacity(), 0);
    drop(sending);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_end_in_messages_or_an_error_within_the_caps(
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(b'D'), Just(b'Z'), Just(5), any::<u8>()], 0..3000),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, mut server) = pipe();
            let mut wire = Wire::new(Box::new(ours));
            server.send(&bytes).await;
            drop(server);
            while wire.next(soon()).await.is_ok() {}
            prop_assert!(wire.capacity() <= 2 * READ);
            Ok(())
        })?;
    }
}
