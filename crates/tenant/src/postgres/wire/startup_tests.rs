use postern_domain::{AccessMode, CaBundle, Host, TlsMode};
use tokio::io::AsyncReadExt;

use super::*;
use crate::postgres::fake::{error, message, pipe, ready, soon};

fn endpoint() -> PostgresEndpoint {
    PostgresEndpoint {
        host: Host::Name("db.example.com".into()),
        port: 5432,
        database: "shop".into(),
        user: "ada".into(),
        tls_mode: TlsMode::Disable,
        ca: CaBundle::default(),
        access_mode: AccessMode::ReadOnly,
    }
}

async fn answer_tls_request(answer: &[u8]) -> Result<(), TenantError> {
    let (mut ours, mut server) = pipe();
    server.send(answer).await;
    let result = request_tls(&mut ours, soon()).await;
    assert_eq!(server.read_body().await, 80_877_103u32.to_be_bytes());
    result
}

#[tokio::test]
async fn tls_begins_after_the_one_byte_s_and_nothing_else() {
    answer_tls_request(b"S").await.unwrap();
    assert!(matches!(answer_tls_request(b"N").await, Err(TenantError::TlsNotOffered)));
    assert!(matches!(answer_tls_request(b"S\0").await, Err(TenantError::Protocol("bytes before TLS began"))));
    for answer in [&b"E\0\0\0\x08"[..], b"\x16\x03\x01", b"s"] {
        assert!(matches!(answer_tls_request(answer).await, Err(TenantError::Protocol(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_runs_into_the_deadline() {
    let (mut ours, _server) = pipe();
    let until = soon();
    assert!(matches!(request_tls(&mut ours, until).await, Err(TenantError::Timeout)));
    let (ours, _server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let password = Secret::from_text("p".into());
    let until = Instant::now() + HANDSHAKE;
    let signed_in = sign_in(&mut wire, Binding::None, &endpoint(), &password, until).await;
    assert!(matches!(signed_in, Err(TenantError::Timeout)));
}

#[tokio::test]
async fn only_parameters_that_poolers_take_are_sent() {
    let (ours, mut server) = pipe();
    server.send(&error("3D000")).await;
    let mut wire = Wire::new(Box::new(ours));
    let password = Secret::from_text("p".into());
    let signed_in = sign_in(&mut wire, Binding::None, &endpoint(), &password, soon()).await;
    assert!(matches!(signed_in, Err(TenantError::SignIn(e)) if e.sqlstate == "3D000"));
    let startup = String::from_utf8(server.read_body().await[4..].to_vec()).unwrap();
    let keys: Vec<_> = startup.split('\0').step_by(2).take_while(|key| !key.is_empty()).collect();
    let allowed =
        ["application_name", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings"];
    assert_eq!(keys, [&["user", "database"][..], &allowed].concat());
}

#[tokio::test]
async fn the_key_for_cancelling_is_kept_and_optional() {
    for (sent, expected) in [(message(b'K', &[0, 0, 0, 7, 0, 0, 0, 9]), Some((7, 9))), (Vec::new(), None)] {
        let (ours, mut server) = pipe();
        server.send(&[message(b'S', b"a\0b\0"), sent, ready(b'I')].concat()).await;
        let key = wait_until_ready(&mut Wire::new(Box::new(ours)), soon()).await.unwrap();
        assert_eq!(key.map(|key| (key.process, key.secret)), expected);
    }
}

#[tokio::test]
async fn anything_else_after_the_sign_in_ends_it() {
    for sent in [message(b'D', b"\0\0"), message(b'K', &[0; 12]), ready(b'T'), message(b'v', b"\0\0\0\0")] {
        let (ours, mut server) = pipe();
        server.send(&sent).await;
        let result = wait_until_ready(&mut Wire::new(Box::new(ours)), soon()).await;
        assert!(matches!(result, Err(TenantError::Protocol(_))));
    }
}

#[tokio::test]
async fn a_nul_in_a_name_is_not_sent() {
    let (ours, mut server) = pipe();
    let mut wire = Wire::new(Box::new(ours));
    let endpoint = PostgresEndpoint { user: "a\0b".into(), ..endpoint() };
    let result = sign_in(&mut wire, Binding::None, &endpoint, &Secret::from_text("p".into()), soon()).await;
    assert!(matches!(result, Err(TenantError::InvalidStatement(_))));
    drop(wire);
    assert_eq!(server.0.read(&mut [0; 8]).await.unwrap(), 0);
}
