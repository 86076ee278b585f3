//! What lookups and saves cost the database, however many rows there are.

use std::{str::FromStr, time::Duration};

use postern_store::{ConnectionStore, PoolOptions};
use postern_testkit::Postern;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, Row, postgres::PgConnectOptions};

use crate::quota::{caller, change};

const ROWS: u32 = 1_000_000;

/// A root, at most two inner pages and a leaf, for a million rows; and the page with the row.
const PAGES: u32 = 5;

/// An owner with as many connections as allowed.
const OWNER: &str = "11111111-1111-1111-1111-111111111111";

async fn superuser(postern: &Postern) -> PgConnection {
    PgConnectOptions::from_str(&postern.superuser_url()).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn a_lookup_among_a_million_rows_is_one_index_probe_and_one_page() {
    let postern = Postern::start(None).await;
    let mut superuser = superuser(&postern).await;
    let fill = format!(
        "insert into postern.connections (owner_id, name, kind, endpoint, read_only)
         select case when n <= 200 then '{OWNER}' else lpad(to_hex(n), 32, '0') end::uuid, 'c-' || n, 'postgres',
                '{{}}', true
           from generate_series(1, {ROWS}) n"
    );
    superuser.execute(AssertSqlSafe(fill)).await.unwrap();
    superuser.execute("vacuum analyze postern.connections").await.unwrap();
    superuser
        .execute(AssertSqlSafe(format!(
            "set role postern_proxy; set postern.owner_id = '{OWNER}';
             prepare look_up (uuid, text) as
                 select c.owner_id, c.id, c.version, exists (select from postern.denials) from postern.connections c
                  where c.owner_id = $1 and c.name = $2"
        )))
        .await
        .unwrap();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        superuser.execute(AssertSqlSafe(format!("set plan_cache_mode = {mode}"))).await.unwrap();
        let plan = explain(&mut superuser).await;
        assert!(plan.contains("Index Scan using connections_owner_id_name_key"), "{plan}");
        assert!(plan.contains("Index Cond: ((owner_id = ") && plan.contains("(name = "), "{plan}");
        assert!(!plan.contains("Rows Removed by Filter") && !plan.contains("SubPlan"), "{plan}");
        assert!(!plan.contains("Index Searches:") || plan.contains("Index Searches: 1\n"), "{plan}");
        assert!((1..=PAGES).contains(&pages(&plan)), "{plan}");
    }
}

/// The plan of a lookup as it was run, without what planning took.
async fn explain(connection: &mut PgConnection) -> String {
    let explain = format!("explain (analyze, buffers) execute look_up('{OWNER}', 'c-77')");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let run = lines.iter().take_while(|line| !line.starts_with("Planning"));
    run.fold(String::new(), |plan, line| plan + line + "\n")
}

/// Pages that the plan's top node read, from memory or not.
fn pages(plan: &str) -> u32 {
    let buffers = plan.lines().find(|line| line.contains("Buffers: shared")).unwrap_or_default();
    let counts = buffers.split_whitespace().filter_map(|word| {
        let (kind, count) = word.split_once('=')?;
        ["hit", "read"].contains(&kind).then(|| count.parse::<u32>().unwrap())
    });
    counts.sum()
}

#[tokio::test]
async fn saving_again_touches_no_index() {
    const SAVES: i64 = 300;
    let postern = Postern::start(None).await;
    let url = postern.database_url("postern_connection");
    let store = ConnectionStore::connect(&url, PoolOptions::default()).await.unwrap();
    let owner = caller();
    for _ in 0..=SAVES {
        store.upsert(owner.clone(), change("shop")).await.unwrap();
    }
    // The server process adds its counts to the statistics when its session ends.
    drop(store);
    let mut superuser = superuser(&postern).await;
    for table in ["connections", "secrets"] {
        let updated = loop {
            let counts = sqlx::query(
                "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where schemaname = 'postern' and relname = $1",
            );
            let counts = counts.bind(table).fetch_one(&mut superuser).await.unwrap();
            let (updated, hot) = (counts.get::<i64, _>(0), counts.get::<i64, _>(1));
            if updated >= SAVES {
                break (updated, hot);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(updated, (SAVES, SAVES), "{table}");
    }
}
