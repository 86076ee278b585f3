//! The second line: with the database taken over, a row that was moved or altered does not open.

use std::str::FromStr;

use postern_testkit::{Postern, TenantServer, User, reason};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// As someone whom row level security does not hold.
async fn tamper(sql: &str) {
    let url = Postern::shared().await.superuser_url();
    let mut superuser: PgConnection = PgConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
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
    tamper(
        "update postern.connections set owner_id = (select owner_id from postern.connections where name = 'seal-bobs')
          where name = 'seal-alices'",
    )
    .await;
    assert_broken(&bob, "seal-alices").await;
    bob.query("seal-bobs", "select 1").await.unwrap();
}

#[tokio::test]
async fn a_seal_copied_into_another_owners_row_does_not_open() {
    let _alice = saved("seal-carol", "seal-carols").await;
    let bob = saved("seal-dave", "seal-daves").await;
    tamper(
        "update postern.connections mine set sealed = theirs.sealed, secret_id = theirs.secret_id, host = theirs.host,
                port = theirs.port, database = theirs.database, username = theirs.username
           from postern.connections theirs where mine.name = 'seal-daves' and theirs.name = 'seal-carols'",
    )
    .await;
    assert_broken(&bob, "seal-daves").await;
}

#[tokio::test]
async fn a_row_whose_endpoint_was_changed_does_not_open() {
    for (name, change) in [
        ("seal-host", "host = 'localhost'"),
        ("seal-port", "port = port + 1"),
        ("seal-database", "database = 'postgres'"),
        ("seal-tls", "tls_mode = 'verify-full'"),
        ("seal-ca", "ca_pem = '-----BEGIN CERTIFICATE-----'"),
        ("seal-secret-id", "secret_id = gen_random_uuid()"),
    ] {
        let user = saved(name, name).await;
        tamper(&format!("update postern.connections set {change} where name = '{name}'")).await;
        assert_broken(&user, name).await;
    }
}

#[tokio::test]
async fn seals_swapped_between_two_rows_of_one_owner_do_not_open() {
    let user = saved("seal-erin", "seal-first").await;
    let tenant = TenantServer::shared().await.database("secret").await;
    user.save("seal-second", tenant.dsn("secret")).await.unwrap();
    tamper(
        "update postern.connections one set sealed = two.sealed from postern.connections two
          where one.name = 'seal-first' and two.name = 'seal-second'",
    )
    .await;
    assert_broken(&user, "seal-first").await;
}
