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
    let endpoint = postgres(fields()).unwrap();
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
        let status = tonic::Status::from(postgres(endpoint).unwrap_err());
        let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
        assert_eq!(info.metadata["field"], field);
    }
}

#[test]
fn a_password_comes_once() {
    let dsn = Endpoint::PostgresDsn("postgres://ada:one@db.example.com".into());
    let (_, password) = endpoint(Some(dsn.clone()), None).unwrap();
    assert_eq!(password.unwrap().expose(), b"one");
    assert_eq!(endpoint(Some(dsn), Some("two".into())).err().unwrap().reason(), Reason::InvalidField);
}
