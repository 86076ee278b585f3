use super::*;

/// PEM whose base64 is no certificate.
const BROKEN_CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

fn fields() -> proto::PostgresEndpoint {
    proto::PostgresEndpoint {
        host: "db.example.com".into(),
        user: "ada".into(),
        ..proto::PostgresEndpoint::default()
    }
}

#[test]
fn what_is_left_out_takes_the_safe_default() {
    let endpoint = parse(fields()).unwrap();
    assert_eq!((endpoint.port, endpoint.database.as_str()), (5432, "ada"));
    assert_eq!((endpoint.tls_mode, endpoint.access_mode), (TlsMode::VerifyFull, AccessMode::ReadOnly));
}

#[test]
fn each_bad_field_is_named() {
    let cases = [
        ("postgres.host", proto::PostgresEndpoint { host: "/var/run".into(), ..fields() }),
        ("postgres.port", proto::PostgresEndpoint { port: 70_000, ..fields() }),
        ("postgres.user", proto::PostgresEndpoint { user: String::new(), ..fields() }),
        ("postgres.database", proto::PostgresEndpoint { database: "a\0".into(), ..fields() }),
        ("postgres.ca_pem", proto::PostgresEndpoint { ca_pem: "not PEM".into(), ..fields() }),
        ("postgres.ca_pem", proto::PostgresEndpoint { ca_pem: BROKEN_CA.into(), ..fields() }),
    ];
    for (field, endpoint) in cases {
        let status = tonic::Status::from(parse(endpoint).unwrap_err());
        let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
        assert_eq!(info.metadata["field"], field);
    }
}

#[test]
fn a_password_comes_once() {
    let dsn = || "postgres://ada:one@db.example.com".to_owned();
    let (_, secrets) = from_dsn(dsn(), None).unwrap();
    assert_eq!(secrets.len(), 1);
    assert_eq!((secrets[0].0, secrets[0].1.expose()), (SecretName::Password, &b"one"[..]));
    assert_eq!(from_dsn(dsn(), Some("two".into())).err().unwrap().reason(), Reason::InvalidField);
    assert!(from_fields(fields(), None).unwrap().1.is_empty());
}

#[test]
fn a_password_of_more_than_1024_bytes_is_refused_by_name() {
    let long = "x".repeat(1025);
    assert_eq!(from_fields(fields(), Some(long[1..].to_owned())).unwrap().1[0].1.len(), 1024);
    let refused = tonic::Status::from(from_fields(fields(), Some(long.clone())).err().unwrap());
    let info = tonic_types::StatusExt::get_details_error_info(&refused).unwrap();
    assert_eq!(info.metadata["field"], "password");
    assert!(refused.message().contains("1 to 1024 bytes"), "{}", refused.message());

    let refused = from_dsn(format!("postgres://ada:{long}@db.example.com"), None).err().unwrap();
    assert_eq!(refused.reason(), Reason::InvalidDsn);
    assert!(refused.message().contains("longer than 1024 bytes"), "{refused}");
    assert!(!refused.message().contains("xxxx"), "{refused}");
}
