//! A user's data as it is exported: all of it, nobody else's, and no secret.

use std::str::FromStr;

use postern_rpc::connection::{
    AccessMode, ServingKey, SupabaseEndpoint, SupabaseService, UpsertConnectionRequest,
    upsert_connection_request::Endpoint,
};
use postern_testkit::{Postern, TenantServer, User};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// Nobody else writes these by chance.
const PASSWORD: &str = "canary-5b1e77-export";
const PUBLISHABLE: &str = "sb_publishable_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV9wX";
const SECRET: &str = "sb_secret_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV3f2a";

/// A Postgres database and a project, under names that every user of these tests uses.
pub(crate) async fn save_both(user: &User, database: String, project_url: &str) {
    user.save("main", database).await.unwrap();
    let project = SupabaseEndpoint {
        url: project_url.into(),
        serving_key: ServingKey::Secret.into(),
        access_mode: AccessMode::ReadWrite.into(),
        services: vec![SupabaseService::Storage.into()],
        ..SupabaseEndpoint::default()
    };
    let request = UpsertConnectionRequest {
        name: "shop".into(),
        endpoint: Some(Endpoint::Supabase(project)),
        publishable_key: Some(PUBLISHABLE.into()),
        secret_key: Some(SECRET.into()),
        ..UpsertConnectionRequest::default()
    };
    user.upsert(request).await.unwrap();
}

async fn superuser() -> PgConnection {
    let url = Postern::shared().await.superuser_url();
    PgConnectOptions::from_str(&url).unwrap().connect().await.unwrap()
}

/// The document's form is a promise: deploy/README.md describes it.
#[tokio::test]
async fn the_document_has_its_documented_form() {
    let user = Postern::shared().await.user("export-form");
    let tenant = TenantServer::shared().await.database(PASSWORD).await;
    save_both(&user, tenant.dsn(PASSWORD), "https://api.example.com:8443").await;
    let text = user.export_data().await.unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();

    let times = ["/exported_at", "/connections/0/created_at", "/connections/1/updated_at"];
    for time in times.map(|at| document.pointer_mut(at).unwrap().take()) {
        let time = time.as_str().unwrap();
        let form = time.replace(|c: char| c.is_ascii_digit(), "0");
        assert_eq!(form, "0000-00-00T00:00:00.000000Z", "{time}");
    }
    let owner = document["owner"].take();
    assert_eq!(owner.as_str().unwrap().len(), 36);
    let connections = document["connections"].as_array_mut().unwrap();
    for connection in connections {
        connection.as_object_mut().unwrap().retain(|field, _| !field.ends_with("_at"));
    }
    let expected = json!({
        "format": "postern.user-data",
        "version": 1,
        "exported_at": null,
        "owner": null,
        "connections": [
            {
                "name": "main",
                "version": 1,
                "kind": "postgres",
                "read_only": true,
                "endpoint": {
                    "host": "127.0.0.1", "port": tenant.port(), "database": tenant.name, "user": tenant.name,
                    "tls_mode": "disable", "ca_pem": "",
                },
                "secrets": [{ "name": "password", "sort": null, "last_characters": null, "key_id": 1 }],
            },
            {
                "name": "shop",
                "version": 1,
                "kind": "supabase",
                "read_only": false,
                "endpoint": {
                    "url": "https://api.example.com:8443", "schema": "public", "ca_pem": "",
                    "serving": "secret_key", "services": ["storage"], "user_tokens": false,
                },
                "secrets": [
                    { "name": "publishable_key", "sort": "publishable", "last_characters": "V9wX", "key_id": 1 },
                    { "name": "secret_key", "sort": "secret", "last_characters": "3f2a", "key_id": 1 },
                ],
            },
        ],
    });
    assert_eq!(document, expected);
}

#[tokio::test]
async fn two_users_with_the_same_names_export_only_their_own() {
    let postern = Postern::shared().await;
    let server = TenantServer::shared().await;
    let (one, two) = (server.database(PASSWORD).await, server.database(PASSWORD).await);
    let (alice, bob) = (postern.user("export-alice"), postern.user("export-bob"));
    save_both(&alice, one.dsn(PASSWORD), "https://alice.example.com").await;
    save_both(&bob, two.dsn(PASSWORD), "https://bob.example.com").await;

    let (hers, his) = (alice.export_data().await.unwrap(), bob.export_data().await.unwrap());
    for (document, own, others) in [
        (&hers, [one.name.as_str(), "alice.example.com"], [two.name.as_str(), "bob.example.com"]),
        (&his, [two.name.as_str(), "bob.example.com"], [one.name.as_str(), "alice.example.com"]),
    ] {
        for text in own {
            assert!(document.contains(text), "{text}: {document}");
        }
        for text in others {
            assert!(!document.contains(text), "{text}: {document}");
        }
    }
    let nobodys: Value =
        serde_json::from_str(&postern.user("export-carol").export_data().await.unwrap()).unwrap();
    assert_eq!(nobodys["connections"], json!([]));
}

#[tokio::test]
async fn no_secret_and_no_seal_is_exported() {
    let user = Postern::shared().await.user("export-secrets");
    let tenant = TenantServer::shared().await.database(PASSWORD).await;
    save_both(&user, tenant.dsn(PASSWORD), "https://secrets.example.com").await;
    let document = user.export_data().await.unwrap();
    let owner: Value = serde_json::from_str(&document).unwrap();
    // Seals and what they are bound to, as the database writes them.
    let kept = sqlx::query_scalar::<_, String>(
        "select unnest(array[encode(sealed, 'hex'), encode(sealed, 'base64'), secret_id::text,
                             encode(endpoint_digest, 'hex'), connection_id::text])
           from postern.secrets where owner_id = $1::text::uuid",
    );
    let kept = kept.bind(owner["owner"].as_str().unwrap()).fetch_all(&mut superuser().await).await.unwrap();
    assert_eq!(kept.len(), 15);
    for text in kept.iter().map(String::as_str).chain([PASSWORD, PUBLISHABLE, SECRET, "PSL1"]) {
        assert!(!document.contains(text), "{text}");
    }
}

/// A connection has room for more than fits into one message.
#[tokio::test]
async fn a_document_longer_than_a_message_arrives_whole() {
    let user = Postern::shared().await.user("export-long");
    let tenant = TenantServer::shared().await.database(PASSWORD).await;
    let authority = std::fs::read_to_string(Postern::shared().await.certificate("operator").ca).unwrap();
    let ca_pem = authority.repeat(60 * 1024 / authority.len());
    for number in 0..80 {
        let endpoint = postern_rpc::connection::PostgresEndpoint {
            ca_pem: ca_pem.clone(),
            ..tenant.endpoint(AccessMode::ReadOnly)
        };
        let request = UpsertConnectionRequest {
            name: format!("c-{number}"),
            endpoint: Some(Endpoint::Postgres(endpoint)),
            password: Some(PASSWORD.into()),
            ..UpsertConnectionRequest::default()
        };
        user.upsert(request).await.unwrap();
    }
    let document = user.export_data().await.unwrap();
    // tonic's clients refuse longer messages.
    assert!(document.len() > 4 << 20, "{}", document.len());
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["connections"].as_array().unwrap().len(), 80);
    assert_eq!(document["connections"][79]["endpoint"]["ca_pem"], ca_pem.trim());
}

/// A column that a migration adds is exported, or left out on purpose.
#[tokio::test]
async fn every_column_is_exported_or_left_out_on_purpose() {
    const EXPORTED: [&str; 14] = [
        "connections.owner_id",
        "connections.name",
        "connections.version",
        "connections.kind",
        "connections.read_only",
        "connections.endpoint",
        "connections.created_at",
        "connections.updated_at",
        "secrets.name",
        "secrets.sort",
        "secrets.last_characters",
        "secrets.key_id",
        // Repeat what the connection says.
        "secrets.owner_id",
        "secrets.kind",
    ];
    const LEFT_OUT: [&str; 5] = [
        // Numbers of ours, which say nothing about a user.
        "connections.id",
        "secrets.connection_id",
        "secrets.secret_id",
        // Computed from the endpoint.
        "secrets.endpoint_digest",
        // The sealed secret.
        "secrets.sealed",
    ];
    let columns = "select table_name || '.' || column_name from information_schema.columns
                    where table_schema = 'postern' and table_name not in ('_sqlx_migrations', 'denials')";
    let mut columns: Vec<String> =
        sqlx::query_scalar(columns).fetch_all(&mut superuser().await).await.unwrap();
    columns.sort();
    let mut known: Vec<_> = EXPORTED.into_iter().chain(LEFT_OUT).collect();
    known.sort_unstable();
    assert_eq!(columns, known);
}
