//! Both versions are live during an upgrade: the schema is migrated while services of the release before still serve.

use postern_store::{SCHEMA_VERSION, migrations};
use postern_testkit::{TenantServer, User};
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use crate::{
    installation::{Installation, connect, run, url_of},
    log,
};

/// What the release before the last migration sends, with an owner, a name and a seal in place of `:owner`, `:name` and
/// `:sealed`. A statement must not be taken out of here before a release has been out that does not send it.
const PREVIOUS: [(&str, &str); 3] = [
    ("postern_connection", include_str!("previous_connection.sql")),
    ("postern_proxy", include_str!("previous_proxy.sql")),
    ("postern_rewrap", include_str!("previous_rewrap.sql")),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_serve_while_and_after_the_schema_is_migrated_further() {
    let installation = Installation::new().await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let mut crypto = installation.crypto("crypto");
    let url = url_of(&[&crypto]);
    installation.configure_operator(&url);
    installation.initialize(&crypto).await;
    let (mut connection, mut proxy) =
        (installation.connection("connection", &url), installation.proxy("proxy", &url));
    for replica in [&mut crypto, &mut connection, &mut proxy] {
        replica.start().await;
    }
    let user = |port| installation.user("ada", &format!("http://127.0.0.1:{port}"));
    let (saves, queries) = (user(connection.port), user(proxy.port));
    saves.save("main", tenant.dsn("secret")).await.unwrap();
    queries.query("main", "select 1").await.unwrap();

    // What the next release's expansion may do: columns and tables that this one does not know.
    let mut admin = connect(&installation.admin_url()).await;
    sqlx::raw_sql(AssertSqlSafe(next_version())).execute(&mut admin).await.unwrap();
    works(&saves, &queries, &tenant.dsn("secret")).await;

    // A replica of this release can still be started, for example to go back.
    for replica in [&mut connection, &mut proxy] {
        replica.stop().await;
        replica.start().await;
    }
    works(&saves, &queries, &tenant.dsn("secret")).await;
    for replica in [&mut proxy, &mut connection, &mut crypto] {
        replica.stop().await;
    }
}

async fn works(saves: &User, queries: &User, dsn: &str) {
    queries.query("main", "select 1").await.unwrap();
    saves.save("main", dsn.to_owned()).await.unwrap();
    queries.query("main", "select 1").await.unwrap();
}

fn next_version() -> String {
    format!(
        "set role postern_owner;
         alter table postern.connections add column next_release text not null default 'unknown to this one';
         alter table postern.secrets add column next_release text;
         create table postern.next_release (id uuid primary key);
         create or replace function postern.schema_version() returns integer
             language sql immutable parallel safe set search_path = '' as $$ select {} $$",
        SCHEMA_VERSION + 1
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_the_release_before_work_on_the_migrated_schema() {
    let installation = Installation::new().await;
    let crypto = installation.crypto("crypto");
    installation.configure_operator(&url_of(&[&crypto]));
    run(installation.postern(&["migrate", "--create-roles"])).await;
    let mut admin = connect(&installation.admin_url()).await;
    back_to(&mut admin, SCHEMA_VERSION - 1).await;
    let mut sessions = Vec::new();
    for (role, statements) in PREVIOUS {
        let url = std::fs::read_to_string(installation.path("urls").join(role)).unwrap();
        sessions.push((connect(&url).await, statements));
    }
    for (session, statements) in &mut sessions {
        send(session, statements, "before").await;
    }
    // On open sessions, as those of a service that runs meanwhile.
    run(installation.postern(&["migrate"])).await;
    for name in ["before", "after"] {
        for (session, statements) in &mut sessions {
            send(session, statements, name).await;
        }
    }
    let kept: i64 =
        sqlx::query("select count(*) from postern.connections join postern.secrets on connection_id = id")
            .fetch_one(&mut admin)
            .await
            .unwrap()
            .get(0);
    assert_eq!(kept, 2, "what was saved before the migration is there, and what was saved after it");
}

/// Each statement that reads or writes must find its row.
async fn send(session: &mut PgConnection, statements: &str, name: &str) {
    for statement in statements.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        let statement = statement
            .replace(":owner", "'00000000-0000-4000-8000-000000000001'")
            .replace(":name", &format!("'{name}'"))
            .replace(":sealed", "decode(repeat('00', 100), 'hex')");
        let rows = sqlx::raw_sql(AssertSqlSafe(statement.clone())).fetch_all(&mut *session).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}: {statement}"));
        let may_be_empty = statement.starts_with("set") || statement.starts_with("delete");
        assert!(may_be_empty || !rows.is_empty(), "no row: {statement}");
    }
}

/// Drops the schema and makes it anew at an older version.
async fn back_to(admin: &mut PgConnection, version: i32) {
    admin.execute("drop schema postern cascade").await.unwrap();
    admin.execute("set role postern_owner; create schema postern; set search_path = postern").await.unwrap();
    migrations(version).run_direct(None, admin, false).await.unwrap();
    admin.execute("reset role; reset search_path").await.unwrap();
}

/// Services of the next release, started before the migration, wait for it by exiting: whoever runs them starts them
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_refuses_an_older_schema_and_says_what_to_do() {
    let installation = Installation::new().await;
    let crypto = installation.crypto("crypto");
    let url = url_of(&[&crypto]);
    installation.configure_operator(&url);
    run(installation.postern(&["migrate", "--create-roles"])).await;
    let mut admin = connect(&installation.admin_url()).await;
    back_to(&mut admin, SCHEMA_VERSION - 1).await;
    let refusal = format!(
        "its schema is version {}, this release needs {SCHEMA_VERSION}; run `postern migrate`",
        SCHEMA_VERSION - 1
    );
    for mut replica in
        [installation.connection("early-connection", &url), installation.proxy("early-proxy", &url)]
    {
        replica.spawn().await;
        assert_eq!(replica.exit().await, Some(1), "{}", log::tail());
        assert!(log::of(replica.name).contains(&refusal), "{}", log::tail());
    }
}
