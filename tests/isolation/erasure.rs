//! Erasing a user's data leaves nothing of it, touches nobody else's, and is not claimed without proof.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use postern_domain::OwnerId;
use postern_rpc::connection::EraseDataRequest;
use postern_store::{ConnectionStore, PoolOptions, StoreError};
use postern_testkit::{Postern, TenantServer, User, reason};
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{
    export::save_both,
    quota::{caller, change},
};

const PASSWORD: &str = "tenant-password";

async fn superuser(postern: &Postern) -> PgConnection {
    PgConnectOptions::from_str(&postern.superuser_url()).unwrap().connect().await.unwrap()
}

async fn store(postern: &Postern) -> ConnectionStore {
    let url = postern.database_url("postern_connection");
    ConnectionStore::connect(&url, PoolOptions::default()).await.unwrap()
}

async fn owner_of(user: &User) -> String {
    let document: Value = serde_json::from_str(&user.export_data().await.unwrap()).unwrap();
    document["owner"].as_str().unwrap().to_owned()
}

/// All rows of the control database that name the owner anywhere, as text: row level security does not hide any.
async fn rows_naming(superuser: &mut PgConnection, owner: &str) -> Vec<String> {
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables
                   where schemaname not in ('pg_catalog', 'information_schema') order by 1";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *superuser).await.unwrap();
    let mut found = Vec::new();
    for table in tables {
        let rows = format!("select t::text from {table} t where strpos(t::text, '{owner}') > 0 order by 1");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut *superuser).await.unwrap();
        found.extend(rows);
    }
    found
}

#[tokio::test]
async fn everything_of_one_owner_is_erased_and_nothing_of_another() {
    let postern = Postern::shared().await;
    let server = TenantServer::shared().await;
    let (one, two) = (server.database(PASSWORD).await, server.database(PASSWORD).await);
    let (alice, bob) = (postern.user("erase-alice"), postern.user("erase-bob"));
    save_both(&alice, one.dsn(PASSWORD), "https://alice.example.com").await;
    save_both(&bob, two.dsn(PASSWORD), "https://bob.example.com").await;
    let (hers, his) = (owner_of(&alice).await, owner_of(&bob).await);
    let mut superuser = superuser(postern).await;
    let before = rows_naming(&mut superuser, &his).await;
    assert_eq!(rows_naming(&mut superuser, &hers).await.len(), 5);
    alice.query("main", "select 1").await.unwrap();

    let erased = alice.erase_data().await.unwrap();
    assert_eq!(erased.connections, ["main", "shop"]);
    let counts: BTreeMap<_, _> = erased
        .tables
        .iter()
        .map(|table| (table.table.as_str(), (table.rows_before, table.rows_after)))
        .collect();
    assert_eq!(counts["connections"], (2, 0));
    assert_eq!(counts["secrets"], (3, 0));

    assert_eq!(rows_naming(&mut superuser, &hers).await, Vec::<String>::new());
    assert_eq!(reason(&alice.query("main", "select 1").await.unwrap_err()), "CONNECTION_NOT_FOUND");
    assert_eq!(rows_naming(&mut superuser, &his).await, before);
    bob.query("main", "select 1").await.unwrap();

    // Again, with nothing left.
    let again = alice.erase_data().await.unwrap();
    assert!(again.connections.is_empty() && again.tables.iter().all(|table| table.rows_before == 0));
    save_both(&alice, one.dsn(PASSWORD), "https://alice.example.com").await;
    alice.query("main", "select 1").await.unwrap();
}

#[tokio::test]
async fn an_empty_request_erases_nothing() {
    let user = Postern::shared().await.user("erase-empty");
    let tenant = TenantServer::shared().await.database(PASSWORD).await;
    user.save("main", tenant.dsn(PASSWORD)).await.unwrap();
    let refused = user.connections().erase_data(EraseDataRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELD");
    user.query("main", "select 1").await.unwrap();
}

/// A table that a migration adds fails this test until erasing covers it.
#[tokio::test]
async fn every_table_is_covered() {
    let postern = Postern::shared().await;
    // Migrations name no user. What an operator has denied stays denied.
    let tables = "select tablename::text from pg_tables
                   where schemaname = 'postern' and tablename not in ('_sqlx_migrations', 'denials') order by 1";
    let tables: Vec<String> =
        sqlx::query_scalar(tables).fetch_all(&mut superuser(postern).await).await.unwrap();
    let erased = store(postern).await.erase(OwnerId(Uuid::new_v4())).await.unwrap();
    let covered: Vec<_> = erased.tables.into_iter().map(|table| table.table).collect();
    assert_eq!(covered, tables);
}

/// The tables that a forgetful migration might add. Each holds a row of the owner, or might.
const FORGOTTEN: [(&str, &str); 5] = [
    (
        "rows would be left in later (1)",
        "create table postern.later (owner_id uuid);
         grant select on postern.later to postern_connection;
         insert into postern.later values ('OWNER')",
    ),
    ("postern.later cannot be counted", "create table postern.later (owner_id uuid)"),
    (
        "postern.later cannot be counted",
        "create table postern.later (owner_id uuid); grant select on postern.later to postern_connection;
         alter table postern.later enable row level security; insert into postern.later values ('OWNER')",
    ),
    (
        "postern.later cannot be counted",
        "create table postern.later (for_owner uuid); grant select on postern.later to postern_connection;
         insert into postern.later values ('OWNER')",
    ),
    (
        "postern.later cannot be counted",
        "create table postern.later (connection uuid, whose uuid,
             foreign key (connection, whose) references postern.connections (id, owner_id) on delete set null);
         grant select on postern.later to postern_connection;
         insert into postern.later select id, owner_id from postern.connections where owner_id = 'OWNER'",
    ),
];

#[tokio::test]
async fn with_a_table_that_was_forgotten_nothing_is_erased() {
    let postern = Postern::start(None).await;
    let (store, mut superuser) = (store(&postern).await, superuser(&postern).await);
    for (why, table) in FORGOTTEN {
        let caller = caller();
        let owner = caller.owner;
        store.upsert(caller, change("main")).await.unwrap();
        superuser.execute(AssertSqlSafe(table.replace("OWNER", &owner.to_string()))).await.unwrap();
        let refused = store.erase(owner).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Erasure(said) if said.contains(why)), "{table}: {refused}");
        let left = rows_naming(&mut superuser, &owner.to_string()).await;
        assert!(left.iter().any(|row| row.contains("main")), "{table}: {left:?}");
        superuser.execute("drop table postern.later").await.unwrap();
        assert_eq!(store.erase(owner).await.unwrap().connections, ["main"]);
    }
}

/// A table without a row of the owner does not stand in the way, and is named in the result.
#[tokio::test]
async fn a_table_that_can_be_counted_is_counted() {
    let postern = Postern::start(None).await;
    let (store, mut superuser) = (store(&postern).await, superuser(&postern).await);
    superuser
        .execute(
            "create table postern.later (owner_id uuid); grant select on postern.later to postern_connection;
             insert into postern.later values (gen_random_uuid())",
        )
        .await
        .unwrap();
    let erased = store.erase(OwnerId(Uuid::new_v4())).await.unwrap();
    let later = erased.tables.iter().find(|table| table.table == "later").unwrap();
    assert_eq!((later.before, later.after), (0, 0));
}

/// It would otherwise be committed between the deletion and the count, or right after it.
#[tokio::test]
async fn a_save_that_is_under_way_is_waited_for_and_erased() {
    let postern = Postern::start(None).await;
    let (store, mut observer) = (store(&postern).await, superuser(&postern).await);
    let owner = OwnerId(Uuid::new_v4());
    let mut saving: PgConnection = PgConnectOptions::from_str(&postern.database_url("postern_connection"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut save = saving.begin().await.unwrap();
    let call = format!(
        "select * from postern.save_connection('{owner}', 'late', 'postgres', '{{}}', true, null, 200,
             '{{password}}', array[decode(repeat('00', 32), 'hex')], '{{true}}', '{{false}}',
             array[gen_random_uuid()], array[decode(repeat('00', 100), 'hex')], array[null], array[null])"
    );
    save.execute(AssertSqlSafe(call)).await.unwrap();
    let erasing = tokio::spawn(async move { store.erase(owner).await });
    let waiting = "select count(*) from pg_stat_activity
                    where wait_event_type = 'Lock' and query like '%user_data.lock%' and pid <> pg_backend_pid()";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut observer).await.unwrap() == 0 {
        assert!(!erasing.is_finished(), "it does not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    save.commit().await.unwrap();
    let erased = erasing.await.unwrap().unwrap();
    assert_eq!(erased.connections, ["late"]);
    assert_eq!(erased.tables.iter().map(|table| table.before).sum::<i64>(), 2);
    assert!(rows_naming(&mut observer, &owner.to_string()).await.is_empty());
}
