//! No secret rests in clear: not in the control database, not in the logs.

use std::str::FromStr;

use postern_testkit::{Postern, TenantServer};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// Nobody else writes this by chance.
const CANARY: &str = "canary-7f3c91-hunter2";

#[tokio::test]
async fn a_dump_and_the_logs_hold_no_secret_in_any_common_form() {
    let postern = Postern::shared().await;
    let tenant = TenantServer::shared().await.database(CANARY).await;
    let user = postern.user("secrets-one");
    user.save("main", tenant.dsn(CANARY)).await.unwrap();
    user.query("main", "select 1").await.unwrap();
    // Roads on which secrets leak elsewhere: a refused request, a failed sign-in, an SQL error.
    user.save("main", format!("{}&sslkey=/etc/x", tenant.dsn(CANARY))).await.unwrap_err();
    user.save("wrong", tenant.dsn(&format!("{CANARY}-wrong"))).await.unwrap();
    user.query("wrong", "select 1").await.unwrap_err();
    user.query("main", "select * from missing").await.unwrap_err();

    let dump = dump(&postern.superuser_url()).await;
    assert!(dump.contains(&tenant.name), "the dump holds the connection");
    let log = postern.log();
    assert!(log.contains("crypto-service is ready"), "the log is this run's");
    for (place, text) in [("the dump", dump.as_str()), ("the log", log.as_str())] {
        for form in [CANARY.to_owned(), hex(CANARY), base64_core(CANARY), user.token().to_owned()] {
            assert!(!text.contains(&form), "{place} holds {form}");
        }
    }
}

/// Every row of every table of ours, as text. Bytes come out in hexadecimal.
async fn dump(url: &str) -> String {
    let mut connection: PgConnection =
        PgConnectOptions::from_str(url).unwrap().disable_statement_logging().connect().await.unwrap();
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'postern'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let mut dump = String::new();
    for table in tables {
        let rows = format!("select t::text from {table} t");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
        dump.push_str(&rows.join("\n"));
    }
    dump
}

fn hex(text: &str) -> String {
    text.bytes()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|n| char::from_digit(n.into(), 16).unwrap())
        .collect()
}

/// The part of the text's base64 that does not depend on what follows it, for a text that starts a group of three.
fn base64_core(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = text.as_bytes().chunks_exact(3).map(|g| u32::from_be_bytes([0, g[0], g[1], g[2]]));
    groups
        .flat_map(|g| [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(g >> shift) as usize & 63])))
        .collect()
}
