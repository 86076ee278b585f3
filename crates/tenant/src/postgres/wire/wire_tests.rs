use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use proptest::prelude::*;
use tokio::{io::ReadBuf, runtime};

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

#[tokio::test]
async fn a_long_message_takes_its_length_and_only_until_it_was_read() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let length = 16 * 1024 * 1024;
    let sending = tokio::spawn(async move {
        server
            .send(&[message(b'Z', b"I"), message(b'D', &vec![7; length]), message(b'Z', b"I")].concat())
            .await;
        server
    });
    assert_eq!(wire.next(soon()).await.unwrap(), b'Z');
    let mut most = 0;
    while wire.buffered().unwrap().is_none() {
        wire.fill(soon()).await.unwrap();
        most = most.max(wire.capacity());
        assert!(wire.capacity() <= (GROWTH * wire.input.len()).max(READ_STREAM), "{}", wire.capacity());
    }
    assert_eq!((most, wire.body().len()), (HEADER + length, length));
    assert_eq!(wire.next(soon()).await.unwrap(), b'Z');
    assert!(wire.capacity() <= READ_STREAM, "{}", wire.capacity());
    drop(sending);
}

#[tokio::test]
async fn a_long_body_is_handed_over_and_what_follows_it_stays() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let sending = tokio::spawn(async move {
        server.send(&[message(b'D', &vec![7; LONG]), message(b'C', b"x\0")].concat()).await;
        server
    });
    assert_eq!(wire.next(soon()).await.unwrap(), b'D');
    match wire.take_body() {
        Body::Long(body) => assert!(body.len() == LONG && body.iter().all(|&byte| byte == 7)),
        Body::Short(_) => panic!("its buffer was kept"),
    }
    assert_eq!(wire.next(soon()).await.unwrap(), b'C');
    assert!(matches!(wire.take_body(), Body::Short(b"x\0")));
    drop(sending);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_begun_must_go_on_at_a_minimum_rate() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let begun = Instant::now();
    let drip = tokio::spawn(async move {
        // A pause before a message is no drip: the statement takes its time.
        tokio::time::sleep(Duration::from_secs(30)).await;
        for byte in message(b'D', &[0; 1000]) {
            server.send(&[byte]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let failure = wire.next(Instant::now() + Duration::from_mins(5)).await;
    assert!(matches!(failure, Err(TenantError::Protocol("a message that comes too slowly"))), "{failure:?}");
    assert_eq!(begun.elapsed().as_secs(), 40);
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_reads_slowly_does_not_use_up_the_servers_time() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let sending = tokio::spawn(async move { server.send(&message(b'D', &vec![0; 3 << 20])).await });
    while wire.buffered().unwrap().is_none() {
        wire.fill(soon()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(11)).await;
    }
    sending.await.unwrap();
}

/// A stream whose bytes are always there.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = buffer.remaining();
        buffer.put_slice(&message(b'D', &vec![0; length.saturating_sub(HEADER)])[..length]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_stream_that_never_pauses_lets_others_have_their_turns() {
    let turns = Arc::new(AtomicUsize::new(0));
    let counter = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        }
    });
    let mut wire = Wire::new(Box::new(Endless));
    for _ in 0..160 {
        wire.fill(soon()).await.unwrap();
        wire.input.clear();
    }
    assert!(turns.load(Ordering::Relaxed) > 0, "10 MiB in one turn");
    counter.abort();
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
