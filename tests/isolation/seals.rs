//! The second line: with the database taken over, a row that was moved or altered does not open.

use std::str::FromStr;

use postern_rpc::{
    connection::{
        ServingKey, SupabaseEndpoint, UpsertConnectionRequest, upsert_connection_request::Endpoint,
    },
    proxy::ForwardRequest,
};
use postern_testkit::{Postern, TenantServer, User, reason};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// As someone whom row level security does not hold.
async fn tamper(sql: &str) {
    let url = Postern::shared().await.superuser_url();
    let mut superuser: PgConnection = PgConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
    // Foreign keys do not hold either.
    sqlx::query("set session_replication_role = replica").execute(&mut superuser).await.unwrap();
    let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut superuser).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{sql}");
}

async fn saved(user: &str, name: &str) -> User {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user(user);
    user.save(name, tenant.dsn("secret")).await.unwrap();
    user
}

async fn assert_broken(user: &User, name: &str) {
    assert_eq!(reason(&user.query(name, "select 1").await.unwrap_err()), "SEAL_BROKEN");
}

#[tokio::test]
async fn a_row_given_to_another_owner_does_not_open() {
    let _alice = saved("seal-alice", "seal-alices").await;
    let bob = saved("seal-bob", "seal-bobs").await;
    // With its secrets, past the foreign key.
    let bobs = "(select owner_id from postern.connections where name = 'seal-bobs')";
    tamper(&format!(
        "with moved as (
             update postern.secrets set owner_id = {bobs}
              where connection_id = (select id from postern.connections where name = 'seal-alices'))
         update postern.connections set owner_id = {bobs} where name = 'seal-alices'"
    ))
    .await;
    assert_broken(&bob, "seal-alices").await;
    bob.query("seal-bobs", "select 1").await.unwrap();
}

#[tokio::test]
async fn a_seal_copied_into_another_owners_row_does_not_open() {
    let _alice = saved("seal-carol", "seal-carols").await;
    let bob = saved("seal-dave", "seal-daves").await;
    tamper(
        "with endpoint as (
             update postern.connections mine set endpoint = theirs.endpoint
               from postern.connections theirs where mine.name = 'seal-daves' and theirs.name = 'seal-carols')
         update postern.secrets mine
            set sealed = theirs.sealed, secret_id = theirs.secret_id, endpoint_digest = theirs.endpoint_digest
           from postern.secrets theirs
          where mine.connection_id = (select id from postern.connections where name = 'seal-daves')
            and theirs.connection_id = (select id from postern.connections where name = 'seal-carols')",
    )
    .await;
    assert_broken(&bob, "seal-daves").await;
}

#[tokio::test]
async fn a_row_whose_endpoint_was_changed_does_not_open() {
    for (name, change) in [
        ("seal-host", r#"{"host": "localhost"}"#),
        ("seal-port", r#"{"port": 5432}"#),
        ("seal-database", r#"{"database": "postgres"}"#),
        ("seal-tls", r#"{"tls_mode": "verify-full"}"#),
        ("seal-ca", r#"{"ca_pem": "-----BEGIN CERTIFICATE-----"}"#),
    ] {
        let user = saved(name, name).await;
        // With a new version, since what a version is like is read once.
        tamper(&format!(
            "update postern.connections set endpoint = endpoint || '{change}', version = version + 1 \
             where name = '{name}'"
        ))
        .await;
        assert_broken(&user, name).await;
    }
}

/// The services compute the digest from the endpoint, whatever the row says of it.
#[tokio::test]
async fn a_row_whose_seal_is_said_to_be_of_another_endpoint_does_not_open() {
    let user = saved("seal-claim", "seal-claim").await;
    let tenant = TenantServer::shared().await.database("secret").await;
    user.save("seal-claim-there", tenant.dsn("secret")).await.unwrap();
    tamper(
        "with endpoint as (
             update postern.connections mine set endpoint = theirs.endpoint
               from postern.connections theirs where mine.name = 'seal-claim' and theirs.name = 'seal-claim-there')
         update postern.secrets mine set endpoint_digest = theirs.endpoint_digest
           from postern.secrets theirs
          where mine.connection_id = (select id from postern.connections where name = 'seal-claim')
            and theirs.connection_id = (select id from postern.connections where name = 'seal-claim-there')",
    )
    .await;
    assert_broken(&user, "seal-claim").await;
    user.query("seal-claim-there", "select 1").await.unwrap();
}

#[tokio::test]
async fn a_seal_under_another_secret_id_does_not_open() {
    let user = saved("seal-secret-id", "seal-secret-id").await;
    tamper(
        "update postern.secrets set secret_id = gen_random_uuid()
          where connection_id = (select id from postern.connections where name = 'seal-secret-id')",
    )
    .await;
    assert_broken(&user, "seal-secret-id").await;
}

/// Only code that knows a kind and each of its fields uses a row.
#[tokio::test]
async fn a_row_of_an_unknown_kind_or_form_is_refused() {
    for (name, change) in [
        ("form-kind", "kind = 'mysql'"),
        ("form-more", r#"endpoint = endpoint || '{"options": "-c x=y"}'"#),
        ("form-less", "endpoint = endpoint - 'tls_mode'"),
    ] {
        let user = saved(name, name).await;
        tamper(&format!("update postern.connections set {change} where name = '{name}'")).await;
        user.query(name, "select 1").await.unwrap_err();
        let get = postern_rpc::connection::GetConnectionRequest { name: name.into() };
        assert_eq!(reason(&user.connections().get_connection(get).await.unwrap_err()), "INTERNAL", "{name}");
    }
}

#[tokio::test]
async fn seals_swapped_between_two_rows_of_one_owner_do_not_open() {
    let user = saved("seal-erin", "seal-first").await;
    let tenant = TenantServer::shared().await.database("secret").await;
    user.save("seal-second", tenant.dsn("secret")).await.unwrap();
    tamper(
        "update postern.secrets one set sealed = two.sealed from postern.secrets two
          where one.connection_id = (select id from postern.connections where name = 'seal-first')
            and two.connection_id = (select id from postern.connections where name = 'seal-second')",
    )
    .await;
    assert_broken(&user, "seal-first").await;
}

/// With the database taken over, a secret key must not serve where its owner chose the publishable one.
#[tokio::test]
async fn the_keys_of_a_project_cannot_be_put_in_each_others_place() {
    let user = Postern::shared().await.user("seal-keys");
    let project = SupabaseEndpoint {
        // Nobody listens there: a key that opens leads to that answer.
        url: "https://127.0.0.1:9".into(),
        serving_key: ServingKey::Publishable.into(),
        ..SupabaseEndpoint::default()
    };
    let request = UpsertConnectionRequest {
        name: "seal-keys".into(),
        endpoint: Some(Endpoint::Supabase(project)),
        publishable_key: Some("sb_publishable_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV9wX".into()),
        secret_key: Some("sb_secret_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV3f2a".into()),
        ..UpsertConnectionRequest::default()
    };
    let saved = user.upsert(request).await.unwrap();
    let last: Vec<_> = saved.secrets.iter().map(|secret| secret.last_characters.as_str()).collect();
    assert_eq!(last, ["V9wX", "3f2a"]);
    assert_eq!(forward(&user, "seal-keys").await, "TENANT_UNREACHABLE");

    let connection = "(select id from postern.connections where name = 'seal-keys' and version = 1 and owner_id in (select owner_id from postern.secrets where name = 'secret_key'))";
    tamper(&format!(
        "update postern.secrets p set sealed = s.sealed, secret_id = s.secret_id, endpoint_digest = s.endpoint_digest
           from postern.secrets s
          where p.connection_id = {connection} and p.name = 'publishable_key'
            and s.connection_id = {connection} and s.name = 'secret_key'"
    ))
    .await;
    assert_eq!(forward(&user, "seal-keys").await, "SEAL_BROKEN");
}

async fn forward(user: &User, name: &str) -> String {
    let request = ForwardRequest { connection: name.into(), ..ForwardRequest::default() };
    reason(&user.proxy().forward(request).await.err().unwrap())
}

/// With the database taken over, a key must not be sent elsewhere, nor to whoever has a certificate of another CA.
#[tokio::test]
async fn the_row_of_a_project_whose_url_or_ca_was_changed_does_not_open() {
    for (name, change) in [
        ("seal-project-url", r#"{"url": "https://127.0.0.1:10"}"#),
        ("seal-project-ca", r#"{"ca_pem": "-----BEGIN CERTIFICATE-----"}"#),
    ] {
        let user = Postern::shared().await.user(name);
        let endpoint = SupabaseEndpoint { url: "https://127.0.0.1:9".into(), ..SupabaseEndpoint::default() };
        let request = UpsertConnectionRequest {
            name: name.into(),
            endpoint: Some(Endpoint::Supabase(endpoint)),
            publishable_key: Some("sb_publishable_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV9wX".into()),
            ..UpsertConnectionRequest::default()
        };
        user.upsert(request).await.unwrap();
        assert_eq!(forward(&user, name).await, "TENANT_UNREACHABLE");
        // With a new version, since what a version is like is read once.
        tamper(&format!(
            "update postern.connections set endpoint = endpoint || '{change}', version = version + 1 \
             where name = '{name}'"
        ))
        .await;
        assert_eq!(forward(&user, name).await, "SEAL_BROKEN", "{name}");
    }
}

#[tokio::test]
async fn another_users_project_is_not_found() {
    let alice = Postern::shared().await.user("project-alice");
    let project = SupabaseEndpoint { url: "https://127.0.0.1:9".into(), ..SupabaseEndpoint::default() };
    let request = UpsertConnectionRequest {
        name: "seal-keys".into(),
        endpoint: Some(Endpoint::Supabase(project)),
        publishable_key: Some("sb_publishable_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV9wX".into()),
        ..UpsertConnectionRequest::default()
    };
    alice.upsert(request).await.unwrap();
    assert_eq!(forward(&alice, "seal-keys").await, "TENANT_UNREACHABLE");
    assert_eq!(
        forward(&Postern::shared().await.user("project-bob"), "seal-keys").await,
        "CONNECTION_NOT_FOUND"
    );
}
