use std::time::Duration;

use postern_domain::{AccessMode, CaBundle};
use postern_egress::{Policy, SystemResolver};
use tokio::{net::TcpListener, time::sleep};

use super::*;

/// Connects to a server that sends this and then nothing.
async fn connect_to(answer: &'static [u8], tls_mode: TlsMode) -> Result<PostgresSession, TenantError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = PostgresEndpoint {
        host: Host::parse("127.0.0.1").unwrap(),
        port: listener.local_addr().unwrap().port(),
        database: "shop".into(),
        user: "ada".into(),
        tls_mode,
        ca: CaBundle::default(),
        access_mode: AccessMode::ReadOnly,
    };
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(answer).unwrap();
        sleep(Duration::from_mins(1)).await;
    });
    let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
    let deadline = Instant::now() + Duration::from_millis(200);
    connect(&dialer, &endpoint, &Secret::from_text("p".into()), deadline).await
}

#[tokio::test]
async fn a_server_that_hangs_before_any_statement_is_not_a_slow_query() {
    for (answer, tls_mode) in
        [(&b""[..], TlsMode::VerifyFull), (b"S", TlsMode::VerifyFull), (b"", TlsMode::Disable)]
    {
        let failure = connect_to(answer, tls_mode).await.err().unwrap();
        assert!(matches!(failure, TenantError::Unanswered), "{failure}");
        assert!(!failure.to_string().contains("query"));
    }
}
