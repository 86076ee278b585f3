use super::*;

/// PEM whose base64 is no certificate.
const BROKEN_CA: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

fn fields() -> proto::PostgresTarget {
    proto::PostgresTarget {
        host: "db.example.com".into(),
        user: "ada".into(),
        ..proto::PostgresTarget::default()
    }
}

#[test]
fn what_is_left_out_takes_the_safe_default() {
    let endpoint = endpoint(fields()).unwrap();
    assert_eq!((endpoint.port, endpoint.database.as_str()), (5432, "ada"));
    assert_eq!((endpoint.tls_mode, endpoint.access_mode), (TlsMode::VerifyFull, AccessMode::ReadOnly));
}

#[test]
fn each_bad_field_is_named() {
    let cases = [
        ("postgres.host", proto::PostgresTarget { host: "/var/run".into(), ..fields() }),
        ("postgres.port", proto::PostgresTarget { port: 70_000, ..fields() }),
        ("postgres.user", proto::PostgresTarget { user: String::new(), ..fields() }),
        ("postgres.database", proto::PostgresTarget { database: "a\0".into(), ..fields() }),
        ("postgres.ca_pem", proto::PostgresTarget { ca_pem: "not PEM".into(), ..fields() }),
        ("postgres.ca_pem", proto::PostgresTarget { ca_pem: BROKEN_CA.into(), ..fields() }),
    ];
    for (field, target) in cases {
        let status = tonic::Status::from(endpoint(target).unwrap_err());
        let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
        assert_eq!(info.metadata["field"], field);
    }
}

#[test]
fn a_password_comes_once() {
    let dsn = Target::PostgresDsn("postgres://ada:one@db.example.com".into());
    let (_, password) = target(Some(dsn.clone()), None).unwrap();
    assert_eq!(password.unwrap().expose(), b"one");
    assert_eq!(target(Some(dsn), Some("two".into())).err().unwrap().reason(), Reason::InvalidField);
}
