//! An upsert that is accepted leads where it says, and what its owner is shown of it would save the same again.

use postern_connection_service::fuzzing::{endpoint as read, shown};
use postern_domain::{
    Endpoint as Parsed, PostgresEndpoint, SecretName,
    limits::{CA_PEM_BYTES, NAME_BYTES, PASSWORD_BYTES},
};
use postern_rpc::connection::{self as proto, UpsertConnectionRequest, upsert_connection_request::Endpoint};
use prost::Message;
use tonic::Status;

use crate::Verdict;

/// Decodes and converts, there and back.
pub fn check(input: &[u8]) -> Verdict {
    let Ok(request) = UpsertConnectionRequest::decode(input) else { return Verdict::Refused };
    let (name, asked) = (request.name.clone(), request.endpoint.clone());
    let converted = read(request);
    match &converted {
        Ok((Parsed::Postgres(endpoint), secrets)) => {
            is_sound(endpoint);
            assert!(secrets.len() <= 1);
            for (name, secret) in secrets {
                assert_eq!(*name, SecretName::Password);
                assert!((1..=PASSWORD_BYTES).contains(&secret.len()) && !secret.expose().contains(&0));
            }
            if let Some(Endpoint::Postgres(asked)) = asked {
                is_what_was_asked(endpoint, &asked);
            }
            saves_the_same_again(&name, endpoint);
        }
        Ok((Parsed::Supabase(endpoint), secrets)) => {
            assert!(secrets.len() <= 2);
            let seen = shown(&name, endpoint.clone().into()).expect("the name was accepted").endpoint;
            let Some(proto::connection::Endpoint::Supabase(seen)) = seen else { panic!("another endpoint") };
            let again = UpsertConnectionRequest {
                name: name.clone(),
                endpoint: Some(Endpoint::Supabase(seen)),
                ..UpsertConnectionRequest::default()
            };
            let (again, _) = read(again).unwrap_or_else(|problem| panic!("{problem}"));
            assert_eq!(again, Parsed::Supabase(endpoint.clone()));
        }
        Err(problem) => drop(Status::from(problem.clone())),
    }
    Verdict::of(&converted)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let fields = proto::PostgresEndpoint {
        host: "db.example.com".into(),
        port: 6543,
        database: "app".into(),
        user: "ada".into(),
        tls_mode: 2,
        access_mode: 2,
        ca_pem: String::new(),
    };
    let least = proto::PostgresEndpoint { host: "192.0.2.1".into(), user: "ada".into(), ..proto::PostgresEndpoint::default() };
    let dsn = "postgresql://ada:secret@db.example.com/app?sslmode=disable".to_owned();
    let with_ca = proto::PostgresEndpoint { ca_pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into(), ..fields.clone() };
    let request = |endpoint, password: Option<&str>| UpsertConnectionRequest {
        name: "demo".into(),
        endpoint,
        password: password.map(str::to_owned),
        expected_version: Some(1),
        ..UpsertConnectionRequest::default()
    };
    let targets = [Endpoint::Postgres(fields), Endpoint::Postgres(least), Endpoint::PostgresDsn(dsn), Endpoint::Postgres(with_ca)];
    let requests = targets.into_iter().flat_map(|target| [request(Some(target.clone()), None), request(Some(target), Some("x"))]);
    let project = proto::SupabaseEndpoint {
        url: "https://api.example.com:8443".into(),
        serving_key: 2,
        services: vec![2, 3],
        schema: "warehouse".into(),
        ..proto::SupabaseEndpoint::default()
    };
    let project = UpsertConnectionRequest {
        publishable_key: Some(String::new()),
        secret_key: Some("sb_secret_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV3f2a".into()),
        ..request(Some(Endpoint::Supabase(project)), None)
    };
    requests.chain([project]).map(|request| request.encode_to_vec()).collect()
}

fn is_sound(endpoint: &PostgresEndpoint) {
    assert_ne!(endpoint.port, 0);
    for name in [&endpoint.user, &endpoint.database] {
        assert!((1..=NAME_BYTES).contains(&name.len()) && !name.contains('\0'), "{name:?}");
    }
    assert!(endpoint.ca.as_pem().len() <= CA_PEM_BYTES);
}

fn is_what_was_asked(endpoint: &PostgresEndpoint, asked: &proto::PostgresEndpoint) {
    assert!(asked.port == 0 || asked.port == u32::from(endpoint.port));
    assert_eq!(asked.user, endpoint.user);
    let database = if asked.database.is_empty() { &asked.user } else { &asked.database };
    assert_eq!(&endpoint.database, database);
    // Only the number that says so turns TLS off, or lets queries write.
    assert_eq!(endpoint.tls_mode == postern_domain::TlsMode::Disable, asked.tls_mode == 2);
    assert_eq!(endpoint.access_mode == postern_domain::AccessMode::ReadWrite, asked.access_mode == 2);
}

fn saves_the_same_again(name: &str, endpoint: &PostgresEndpoint) {
    let seen = shown(name, endpoint.clone().into()).expect("the name was accepted");
    assert_eq!(seen.name, name);
    let Some(proto::connection::Endpoint::Postgres(seen)) = seen.endpoint else { panic!("a connection without an endpoint") };
    let again = UpsertConnectionRequest {
        name: name.to_owned(),
        endpoint: Some(Endpoint::Postgres(seen)),
        ..UpsertConnectionRequest::default()
    };
    let (again, secrets) = read(again).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((&again, again.digest()), (&Parsed::Postgres(endpoint.clone()), endpoint.digest()));
    assert!(secrets.is_empty(), "a secret that nobody sent");
}
