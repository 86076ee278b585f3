//! The walk over many seals.

use std::{str::FromStr, time::Duration};

use sqlx::{ConnectOptions, Executor, PgConnection, Row, postgres::PgConnectOptions};

use crate::support::Stage;

const ROWS: i64 = 20_000;
const PAGE: i64 = 100;

/// Pages are found through the index: with all rows behind the place read for each, the work would grow with the square
/// of their number.
#[tokio::test]
async fn a_walk_reads_each_row_about_once() {
    let stage = Stage::new().await;
    let superuser = PgConnectOptions::from_str(&stage.postern.superuser_url()).unwrap();
    let mut superuser: PgConnection = superuser.connect().await.unwrap();
    let rows = sqlx::AssertSqlSafe(format!(
        r"with saved as (
              insert into postern.connections (owner_id, name, kind, endpoint, read_only)
              select md5((n / 2)::text)::uuid, 'c-' || n % 2, 'postgres', '{{}}', false
                from generate_series(1, {ROWS}) n returning owner_id, id)
          insert into postern.secrets (owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest)
          select owner_id, id, 'password', gen_random_uuid(), '\x50534c3100000001'::bytea || md5(id::text)::bytea
                 || md5(id::text)::bytea, 'postgres', sha256(id::text::bytea)
            from saved"
    ));
    superuser.execute(sqlx::query(rows)).await.unwrap();
    superuser.execute("analyze postern.secrets").await.unwrap();
    let before = rows_read(&mut superuser).await;

    let Stage { postern, store, .. } = stage;
    let (mut seen, mut place) = (0, None);
    loop {
        let page = store.page(place.as_ref(), Some(2), PAGE).await.unwrap();
        let Some(last) = page.last() else { break };
        (seen, place) = (seen + page.len(), Some(last.place.clone()));
    }
    assert_eq!(seen, usize::try_from(ROWS).unwrap());

    // A session tells what it read when it ends.
    drop(store);
    let mut read = 0;
    for _ in 0..500 {
        read = rows_read(&mut superuser).await - before;
        if read >= ROWS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!((ROWS..2 * ROWS).contains(&read), "{read} rows were read for {ROWS}");
    postern.stop();
}

async fn rows_read(superuser: &mut PgConnection) -> i64 {
    let read =
        "select seq_tup_read + idx_tup_fetch as read from pg_stat_user_tables where relname = 'secrets'";
    superuser.fetch_one(read).await.unwrap().get("read")
}
