//! At the database, with a handler that forgets every rule: the services' own roles, and SQL of the worst kind.

use std::str::FromStr;

use postern_testkit::{Postern, TenantServer};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

async fn connect(url: &str) -> PgConnection {
    PgConnectOptions::from_str(url).unwrap().connect().await.unwrap()
}

/// The owner of a connection that some user has saved under this name.
async fn owner_of(name: &str) -> Uuid {
    let mut superuser = connect(&Postern::shared().await.superuser_url()).await;
    let owner = sqlx::query_scalar("select owner_id from postern.connections where name = $1").bind(name);
    owner.fetch_one(&mut superuser).await.unwrap()
}

async fn id_of(name: &str) -> Uuid {
    let mut superuser = connect(&Postern::shared().await.superuser_url()).await;
    let id = sqlx::query_scalar("select id from postern.connections where name = $1").bind(name);
    id.fetch_one(&mut superuser).await.unwrap()
}

async fn save(user: &str, name: &str) -> Uuid {
    let tenant = TenantServer::shared().await.database("secret").await;
    Postern::shared().await.user(user).save(name, tenant.dsn("secret")).await.unwrap();
    owner_of(name).await
}

/// Runs one statement as `role`, on behalf of `owner` if there is one; returns the rows it touched, or the SQLSTATE.
async fn as_role(role: &str, owner: Option<Uuid>, sql: &str) -> Result<u64, String> {
    let mut connection = connect(&Postern::shared().await.database_url(role)).await;
    let mut transaction = connection.begin().await.unwrap();
    if let Some(owner) = owner {
        let set = format!("set local postern.owner_id = '{owner}'");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *transaction).await.unwrap();
    }
    let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await;
    done.map(|done| done.rows_affected())
        .map_err(|error| error.as_database_error().and_then(|e| e.code().map(Into::into)).unwrap_or_default())
}

const DENIED: &str = "42501";

/// A call of the function that saves connections.
const SAVE: &str =
    "select * from postern.save_connection(gen_random_uuid(), 'x', 'postgres', '{}', true, null, 1,
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')";

/// SQLSTATE of a foreign key that leads nowhere.
const NO_SUCH_ROW: &str = "23503";

#[tokio::test]
async fn without_a_where_clause_only_own_rows_are_touched() {
    let (alice, bob) = (save("db-alice", "db-alices").await, save("db-bob", "db-bobs").await);
    assert_ne!(alice, bob);
    for role in ["postern_connection", "postern_proxy"] {
        let seen = as_role(role, Some(bob), "select name from postern.connections").await;
        assert_eq!(seen, Ok(1), "{role}");
        let named = "select name from postern.connections where name = 'db-alices'";
        assert_eq!(as_role(role, Some(bob), named).await, Ok(0), "{role}");
        assert_eq!(as_role(role, Some(bob), "select name from postern.secrets").await, Ok(1), "{role}");
    }
    for sql in [
        "update postern.connections set endpoint = '{}'",
        "update postern.secrets set secret_id = gen_random_uuid()",
        "delete from postern.secrets",
        "delete from postern.connections",
    ] {
        assert_eq!(as_role("postern_connection", Some(bob), sql).await, Ok(1), "{sql}");
    }
    let look_up = format!("select * from postern.look_up_connection('{bob}', 'db-alices')");
    assert_eq!(as_role("postern_proxy", None, &look_up).await, Ok(0));
    let both = format!(
        "select * from postern.look_up_connections('{{{bob},{alice}}}', '{{db-alices,db-bobs}}')
          union all select * from postern.look_up_connections('{{{bob}}}', '{{db-alices}}')"
    );
    assert_eq!(as_role("postern_proxy", Some(alice), &both).await, Ok(0));
    let id = id_of("db-alices").await;
    let seals = |owner: Uuid| format!("select * from postern.connection_seals('{owner}', '{id}', 1)");
    assert_eq!(as_role("postern_proxy", None, &seals(bob)).await, Ok(0));
    assert_eq!(as_role("postern_proxy", None, &seals(alice)).await, Ok(1));
}

#[tokio::test]
async fn without_an_owner_there_are_no_rows() {
    save("db-carol", "db-carols").await;
    for role in ["postern_connection", "postern_proxy"] {
        for table in ["connections", "secrets"] {
            let sql = format!("select name from postern.{table}");
            assert_eq!(as_role(role, None, &sql).await, Ok(0), "{role} {table}");
        }
    }
    assert_eq!(as_role("postern_connection", None, "delete from postern.secrets").await, Ok(0));
    assert_eq!(as_role("postern_connection", None, "delete from postern.connections").await, Ok(0));
}

#[tokio::test]
async fn a_row_cannot_be_written_for_another_owner() {
    let (alice, bob) = (save("db-dave", "db-daves").await, save("db-erin", "db-erins").await);
    let insert = format!(
        "insert into postern.connections (owner_id, name, kind, endpoint, read_only)
         values ('{alice}', 'planted', 'postgres', '{{}}', true)"
    );
    assert_eq!(as_role("postern_connection", Some(bob), &insert).await, Err(DENIED.into()));
    let id = id_of("db-daves").await;
    let secret = |owner: Uuid| {
        format!(
            "insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest)
             values ('{owner}', '{id}', 'planted', '{alice}', decode(repeat('00', 100), 'hex'), 'postgres',
                     decode(repeat('00', 32), 'hex'))"
        )
    };
    assert_eq!(as_role("postern_connection", Some(bob), &secret(alice)).await, Err(DENIED.into()));
    // Nor put a secret of one's own to another's connection.
    assert_eq!(as_role("postern_connection", Some(bob), &secret(bob)).await, Err(NO_SUCH_ROW.into()));
    // Nor handed over: the owner is not a column that may be changed.
    for table in ["connections", "secrets"] {
        let hand_over = format!("update postern.{table} set owner_id = '{alice}'");
        assert_eq!(as_role("postern_connection", Some(bob), &hand_over).await, Err(DENIED.into()), "{table}");
    }
    let elsewhere = format!("update postern.secrets set connection_id = '{id}'");
    assert_eq!(as_role("postern_connection", Some(bob), &elsewhere).await, Err(DENIED.into()));
}

#[tokio::test]
async fn each_role_has_only_the_rights_of_its_service() {
    let owner = save("db-frank", "db-franks").await;
    for read_seal in [
        "select sealed from postern.secrets",
        "select secret_id from postern.secrets",
        "select * from postern.secrets",
        "update postern.secrets set sealed = sealed",
        "delete from postern.secrets returning sealed",
    ] {
        assert_eq!(
            as_role("postern_connection", Some(owner), read_seal).await,
            Err(DENIED.into()),
            "{read_seal}"
        );
    }
    for sql in [
        "update postern.connections set endpoint = '{}'",
        "delete from postern.connections",
        "truncate postern.connections",
        "update postern.secrets set sealed = sealed",
        "delete from postern.secrets",
        "truncate postern.secrets",
        "alter table postern.connections disable row level security",
        "create table postern.mine ()",
        "set role postern_owner",
        "set role postern_connection",
        "set role postern_rewrap",
        SAVE,
    ] {
        assert_eq!(as_role("postern_proxy", Some(owner), sql).await, Err(DENIED.into()), "{sql}");
    }
    for sql in [
        "set role postern_rewrap",
        "truncate postern.connections",
        "alter table postern.connections disable row level security",
        "create function postern.f() returns int language sql as 'select 1'",
        "set role postern_owner",
        "select * from postern.look_up_connections(array[gen_random_uuid()], array['db-franks'])",
    ] {
        assert_eq!(as_role("postern_connection", Some(owner), sql).await, Err(DENIED.into()), "{sql}");
    }
}

#[tokio::test]
async fn the_rewrap_role_reaches_seals_of_all_owners_and_nothing_else() {
    let (alice, _) = (save("db-heidi", "db-heidis").await, save("db-ivan", "db-ivans").await);
    let role = "postern_rewrap";
    let seen =
        as_role(role, None, "select sealed from postern.secrets where kind = 'postgres'").await.unwrap();
    assert!(seen >= 2, "{seen}");
    let touched = format!("update postern.secrets set sealed = sealed where owner_id = '{alice}'");
    assert_eq!(as_role(role, None, &touched).await, Ok(1));
    for sql in [
        "select id from postern.connections",
        "select owner_id from postern.connections",
        "update postern.connections set endpoint = '{}'",
        "update postern.connections set version = version + 1",
        "update postern.secrets set secret_id = gen_random_uuid()",
        "update postern.secrets set endpoint_digest = endpoint_digest",
        "update postern.secrets set owner_id = gen_random_uuid()",
        "delete from postern.secrets",
        "delete from postern.connections",
        "insert into postern.connections (owner_id) values (gen_random_uuid())",
        "select * from postern.look_up_connection(gen_random_uuid(), 'db-heidis')",
        "select * from postern.look_up_connections(array[gen_random_uuid()], array['db-heidis'])",
        SAVE,
        "alter table postern.connections disable row level security",
        "alter table postern.secrets disable row level security",
        "set role postern_owner",
    ] {
        assert_eq!(as_role(role, None, sql).await, Err(DENIED.into()), "{sql}");
    }
}

/// Somebody grants the role to a service by mistake: it still is not that role, and its own rows are all it sees.
#[tokio::test]
async fn a_member_of_the_rewrap_role_sees_nothing_more() {
    let _other = save("db-judy", "db-judys").await;
    let mine = save("db-karl", "db-karls").await;
    let mut superuser = connect(&Postern::shared().await.superuser_url()).await;
    let mut transaction = superuser.begin().await.unwrap();
    for sql in [
        "grant postern_rewrap to postern_proxy".to_owned(),
        "set local role postern_proxy".to_owned(),
        format!("set local postern.owner_id = '{mine}'"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await.unwrap();
    }
    let seen: Vec<String> = sqlx::query_scalar("select name from postern.connections")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(seen, ["db-karls"]);
    let seen: Vec<Uuid> = sqlx::query_scalar("select owner_id from postern.secrets")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(seen, [mine]);
}

#[tokio::test]
async fn the_owner_ends_with_the_transaction() {
    let owner = save("db-grace", "db-graces").await;
    let mut connection = connect(&Postern::shared().await.database_url("postern_proxy")).await;
    let look_up =
        sqlx::query("select id from postern.look_up_connections(array[$1], array['db-graces'])").bind(owner);
    assert_eq!(look_up.fetch_all(&mut connection).await.unwrap().len(), 1);
    let left: Option<String> =
        sqlx::query_scalar("select nullif(current_setting('postern.owner_id', true), '')")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(left, None);
    let rows = sqlx::query("select name from postern.connections").fetch_all(&mut connection).await.unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn services_read_denials_without_notes_and_operators_touch_nothing_else() {
    for role in ["postern_connection", "postern_proxy"] {
        assert_eq!(
            as_role(role, None, "select kind, value, issuer, expires_at from postern.denials")
                .await
                .map(drop),
            Ok(())
        );
        for sql in [
            "select note from postern.denials",
            "insert into postern.denials (kind, value, issuer, note) values ('host', 'x', '', '')",
            "update postern.denials set expires_at = now()",
            "delete from postern.denials",
        ] {
            assert_eq!(as_role(role, None, sql).await, Err(DENIED.into()), "{role}: {sql}");
        }
    }
    for table in ["connections", "secrets"] {
        let sql = format!("select from postern.{table}");
        assert_eq!(as_role("postern_operator", None, &sql).await, Err(DENIED.into()), "{table}");
    }
    assert_eq!(as_role("postern_rewrap", None, "select kind from postern.denials").await, Err(DENIED.into()));
}
