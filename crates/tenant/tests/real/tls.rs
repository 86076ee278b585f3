//! TLS with a real server: verified, bound to the sign-in, and used for cancelling too.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    time::Duration,
};

use crate::support::{Server, reading, run, server, writing};
use postern_domain::{CaBundle, PostgresEndpoint, TlsMode};
use postern_egress::tls::TlsError;
use postern_tenant::{Statement, TenantError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::time::{Instant, sleep};

/// Turns TLS on, with a certificate for 127.0.0.1; gives the authority's certificate.
async fn turn_tls_on(server: &Server) -> String {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::from_params(&params, &authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();

    let mut connection = server.connect().await;
    for (setting, file, pem) in
        [("ssl_cert_file", "tls.crt", certificate.pem()), ("ssl_key_file", "tls.key", key.serialize_pem())]
    {
        let path = server.dir.path().join(file);
        fs::write(&path, pem).unwrap();
        // Postgres takes a key that others cannot read, and that belongs to the user it runs as.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let owner = fs::metadata(server.dir.path().join("data")).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        let sql = format!("ALTER SYSTEM SET {setting} = '{}'", path.display());
        run(&mut connection, writing(&sql)).await.unwrap();
    }
    run(&mut connection, writing("ALTER SYSTEM SET ssl = on")).await.unwrap();
    run(&mut connection, writing("SELECT pg_reload_conf()")).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    authority.pem()
}

#[tokio::test]
async fn tls_is_asked_for_verified_bound_and_cancelled_over() {
    let server = server();
    let secured = PostgresEndpoint { tls_mode: TlsMode::VerifyFull, ..server.endpoint() };
    let refused = server.connect_to(&secured).await;
    assert!(matches!(refused, Err(TenantError::TlsNotOffered)));

    let ca = CaBundle::parse(&turn_tls_on(&server).await).unwrap();
    let refused = server.connect_to(&secured).await;
    assert!(matches!(refused, Err(TenantError::Tls(TlsError::UnknownIssuer))));

    // The server offers SCRAM-SHA-256-PLUS over TLS and checks the binding: signing in proves that it is right.
    let trusted = PostgresEndpoint { ca, ..secured };
    let mut connection = server.connect_to(&trusted).await.unwrap();
    let sql = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(run(&mut connection, reading(sql)).await.unwrap().texts(0), ["TLSv1.3"]);
    let long = "SELECT repeat('x', 100000) FROM generate_series(1, 50)";
    assert_eq!(run(&mut connection, reading(long)).await.unwrap().summary.rows, 50);

    let late = Statement::new("SELECT pg_sleep(60) /* late */", Instant::now() + Duration::from_millis(200));
    assert!(matches!(connection.query(&late).await, Err(TenantError::Timeout)));
    drop(connection);
    let mut watcher = server.connect_to(&trusted).await.unwrap();
    let sql = "SELECT query FROM pg_stat_activity WHERE query LIKE '%late%' AND pid <> pg_backend_pid()";
    let until = Instant::now() + Duration::from_secs(3);
    while run(&mut watcher, reading(sql)).await.unwrap().summary.rows > 0 {
        assert!(Instant::now() < until, "the statement still runs");
        sleep(Duration::from_millis(20)).await;
    }
}
