//! What a statement may do to a real server, and what it leaves behind.

use std::{sync::Arc, time::Duration};

use crate::support::{Server, reading, run, server, soon, sqlstate, writing};
use postern_domain::{ConnectionId, OwnerId, PostgresEndpoint, Secret, Version};
use postern_egress::{Dialer, EgressError, Policy, SystemResolver};
use postern_tenant::{
    AuthError, Param, PoolKey, PoolLimits, Pooled, PostgresSession, Statement, TenantError, Truncation,
    connect,
};

type Pools = postern_tenant::Pools<PostgresSession, TenantError>;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

async fn backend(connection: &mut PostgresSession) -> i64 {
    run(connection, reading("SELECT pg_backend_pid()")).await.unwrap().ints(0)[0]
}

#[tokio::test]
async fn read_only_statements_cannot_write_whatever_they_try() {
    let server = server();
    let mut connection = server.connect().await;
    run(&mut connection, writing("CREATE TABLE kept (n int)")).await.unwrap();
    let mut connection = server.connect().await;
    for sql in ["SET TRANSACTION READ WRITE", "START TRANSACTION READ WRITE", "COMMIT", "ROLLBACK"] {
        run(&mut connection, reading(sql)).await.unwrap();
        assert_eq!(
            sqlstate(run(&mut connection, reading("INSERT INTO kept VALUES (1)")).await),
            "25006",
            "{sql}"
        );
    }
    for sql in
        ["SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "SET default_transaction_read_only = off"]
    {
        run(&mut connection, reading(sql)).await.unwrap();
        assert_eq!(sqlstate(run(&mut connection, reading("DELETE FROM kept")).await), "25006", "{sql}");
    }
    let two = run(&mut connection, reading("COMMIT; INSERT INTO kept VALUES (1)")).await;
    assert_eq!(sqlstate(two), "42601");
    let block = "DO $$ BEGIN COMMIT; INSERT INTO kept VALUES (1); END $$";
    assert_eq!(sqlstate(run(&mut connection, reading(block)).await), "2D000");
    assert_eq!(run(&mut connection, reading("SELECT count(*) FROM kept")).await.unwrap().ints(0), [0]);
}

#[tokio::test]
async fn writes_last_and_fail_whole() {
    let server = server();
    let mut connection = server.connect().await;
    run(&mut connection, writing("CREATE TABLE parent (id int PRIMARY KEY)")).await.unwrap();
    let child = "CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)";
    run(&mut connection, writing(child)).await.unwrap();
    let outcome =
        run(&mut connection, writing("INSERT INTO parent VALUES (1), (2) RETURNING id")).await.unwrap();
    assert_eq!((outcome.ints(0), outcome.summary.command_tag.as_str()), (vec![1, 2], "INSERT 0 2"));
    let deferred = run(&mut connection, writing("INSERT INTO child VALUES (9)")).await;
    assert_eq!(sqlstate(deferred), "23503");
    assert_eq!(run(&mut connection, reading("SELECT count(*) FROM child")).await.unwrap().ints(0), [0]);
}

#[tokio::test]
async fn a_write_whose_rows_are_cut_lasts_and_says_how_much_it_did() {
    let server = server();
    let mut connection = server.connect().await;
    run(&mut connection, writing("CREATE TABLE cut (n int8, pad text)")).await.unwrap();
    let fill = "INSERT INTO cut SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n RETURNING n, pad";
    let heavy = Statement { max_bytes: 10_000, ..writing(fill) };
    let outcome = run(&mut connection, heavy).await.unwrap();
    assert_eq!((outcome.summary.rows, outcome.summary.truncated), (9, Some(Truncation::ByteLimit)));
    assert_eq!(outcome.summary.command_tag, "INSERT 0 2000");
    drop(connection);

    let mut connection = server.connect().await;
    let count = async |connection: &mut _, sql| run(connection, reading(sql)).await.unwrap().ints(0)[0];
    assert_eq!(count(&mut connection, "SELECT count(*) FROM cut").await, 2000);
    // The server has changed every row before it hands out the first, so a cut at the row limit loses none either.
    let many = Statement { max_rows: 10, ..writing("UPDATE cut SET n = -n RETURNING n") };
    let outcome = run(&mut connection, many).await.unwrap();
    assert_eq!((outcome.summary.rows, outcome.summary.truncated), (10, Some(Truncation::RowLimit)));
    assert_eq!(count(&mut connection, "SELECT count(*) FROM cut WHERE n < 0").await, 2000);
    let within = "WITH gone AS (DELETE FROM cut RETURNING n) SELECT n FROM gone";
    let outcome = run(&mut connection, Statement { max_rows: 10, ..writing(within) }).await.unwrap();
    assert_eq!(outcome.summary.truncated, Some(Truncation::RowLimit));
    assert_eq!(count(&mut connection, "SELECT count(*) FROM cut").await, 0);
}

#[tokio::test]
async fn a_select_that_is_cut_at_the_row_limit_stops_there_and_what_its_functions_did_lasts() {
    let server = server();
    let mut connection = server.connect().await;
    run(&mut connection, writing("CREATE TABLE noted (n int)")).await.unwrap();
    let function = "CREATE FUNCTION note(int) RETURNS int LANGUAGE sql
        AS 'INSERT INTO noted VALUES ($1) RETURNING n'";
    run(&mut connection, writing(function)).await.unwrap();
    let sql = "SELECT note(n) FROM generate_series(1, 100) n";
    let outcome = run(&mut connection, Statement { max_rows: 10, ..writing(sql) }).await.unwrap();
    assert_eq!((outcome.summary.rows, outcome.summary.truncated), (10, Some(Truncation::RowLimit)));
    let noted = run(&mut connection, reading("SELECT count(*) FROM noted")).await.unwrap();
    assert_eq!(noted.ints(0), [11]);
}

#[tokio::test]
async fn a_write_that_is_cut_and_fails_at_its_end_is_an_error() {
    let server = server();
    let mut connection = server.connect().await;
    run(&mut connection, writing("CREATE TABLE elder (id int PRIMARY KEY)")).await.unwrap();
    let younger = "CREATE TABLE younger (id int REFERENCES elder DEFERRABLE INITIALLY DEFERRED)";
    run(&mut connection, writing(younger)).await.unwrap();
    let sql = "INSERT INTO younger SELECT generate_series(1, 100) RETURNING id";
    for statement in [Statement { max_bytes: 50, ..writing(sql) }, Statement { max_rows: 5, ..writing(sql) }]
    {
        assert_eq!(sqlstate(run(&mut connection, statement).await), "23503");
    }
    assert_eq!(run(&mut connection, reading("SELECT count(*) FROM younger")).await.unwrap().ints(0), [0]);
}

#[tokio::test]
async fn an_error_points_to_its_place_and_the_session_goes_on() {
    let server = server();
    let mut connection = server.connect().await;
    match run(&mut connection, reading("SELECT 1 FROM nowhere")).await {
        Err(TenantError::Sql(error)) => {
            assert_eq!((error.sqlstate.as_str(), error.position), ("42P01", 15));
            assert_eq!(error.message, "relation \"nowhere\" does not exist");
        }
        other => panic!("{other:?}"),
    }
    let late = "SELECT 1 / (3 - n) FROM generate_series(1, 5) n";
    assert_eq!(sqlstate(run(&mut connection, reading(late)).await), "22012");
    assert_eq!(run(&mut connection, reading("SELECT 1::int8")).await.unwrap().ints(0), [1]);
}

#[tokio::test]
async fn a_changed_table_and_forgotten_statements_go_unnoticed() {
    let server = server();
    let (mut connection, mut other) = (server.connect().await, server.connect().await);
    run(&mut other, writing("CREATE TABLE changing (a int8)")).await.unwrap();
    for columns in 1..4 {
        for _ in 0..2 {
            let outcome = run(&mut connection, reading("SELECT * FROM changing")).await.unwrap();
            assert_eq!(outcome.columns.len(), columns);
        }
        run(&mut other, writing(&format!("ALTER TABLE changing ADD c{columns} text"))).await.unwrap();
    }
    let pid = backend(&mut connection).await;
    run(&mut connection, reading("DEALLOCATE ALL")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(backend(&mut connection).await, pid);
        assert_eq!(run(&mut connection, reading("SELECT 7::int8")).await.unwrap().ints(0), [7]);
        assert_eq!(sqlstate(run(&mut connection, reading("CREATE TABLE no ()")).await), "25006");
    }
}

#[tokio::test]
async fn copy_and_floods_of_notices_are_refused() {
    let server = server();
    for (sql, writes) in [("COPY (SELECT 1) TO STDOUT", false), ("COPY pg_class FROM STDIN", true)] {
        let mut connection = server.connect().await;
        let statement = if writes { writing(sql) } else { reading(sql) };
        assert!(
            matches!(run(&mut connection, statement).await, Err(TenantError::UnsupportedStatement)),
            "{sql}"
        );
    }
    let mut connection = server.connect().await;
    let flood = "DO $$ BEGIN FOR i IN 1..2000 LOOP RAISE NOTICE 'x'; END LOOP; END $$";
    assert!(matches!(
        run(&mut connection, reading(flood)).await,
        Err(TenantError::Protocol("a flood of notices"))
    ));
}

#[tokio::test]
async fn refused_sign_ins_say_what_is_wrong() {
    let server = server();
    let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
    let wrong = Secret::from_text("wrong".into());
    let refused = connect(&dialer, &server.endpoint(), &wrong, soon()).await;
    assert!(matches!(refused, Err(TenantError::Auth(AuthError::Refused))));
    let nowhere = PostgresEndpoint { database: "nowhere".into(), ..server.endpoint() };
    let refused = server.connect_to(&nowhere).await;
    assert!(matches!(refused, Err(TenantError::SignIn(error)) if error.sqlstate == "3D000"));
    let strict = Dialer::new(Policy::default(), Arc::new(SystemResolver::default()));
    let standard = PostgresEndpoint { port: 5432, ..server.endpoint() };
    let refused = connect(&strict, &standard, &wrong, soon()).await;
    assert!(matches!(refused, Err(TenantError::Egress(EgressError::AddressRefused(_)))));
}

async fn take(pools: &Pools, server: &Server) -> Pooled<PostgresSession> {
    let key = PoolKey {
        owner: OwnerId(Uuid::from_u128(1)),
        connection: ConnectionId(Uuid::from_u128(2)),
        version: Version(1),
    };
    pools.acquire(key, soon(), async || Ok(server.connect().await)).await.unwrap()
}

/// Waits until the pools have brought back, or closed, all they lent.
async fn until_all_rests(pools: &Pools) {
    let until = Instant::now() + Duration::from_secs(3);
    while pools.stats().idle < pools.stats().open {
        assert!(Instant::now() < until, "a connection is still in use");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the server runs nothing that is marked so.
async fn until_nothing_runs(server: &Server, mark: &str) {
    let mut watcher = server.connect().await;
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark}%'
        AND pid <> pg_backend_pid()"
    );
    let until = Instant::now() + Duration::from_secs(3);
    while run(&mut watcher, reading(&sql)).await.unwrap().ints(0) != [0] {
        assert!(Instant::now() < until, "the statement still runs");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_abandoned_statement_stops_on_the_server_and_the_connection_lives_on() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut held = take(&pools, &server).await;
    let pid = backend(&mut held).await;
    let sql = "SELECT n, pg_sleep(0.01) /* abandoned */ FROM generate_series(1, 1000) n";
    let statement = reading(sql);
    let mut rows = held.query(&statement).await.unwrap();
    assert!(rows.next_batch().await.unwrap().is_some());
    drop(held);
    until_nothing_runs(&server, "abandoned").await;
    until_all_rests(&pools).await;
    assert_eq!(backend(&mut *take(&pools, &server).await).await, pid);
}

#[tokio::test]
async fn an_aborted_task_stops_its_statement() {
    let (server, pools) = (server(), Arc::new(Pools::new(PoolLimits::default())));
    let task = tokio::spawn({
        let (server, pools) = (Arc::clone(&server), Arc::clone(&pools));
        async move {
            let mut held = take(&pools, &server).await;
            run(&mut held, reading("SELECT pg_sleep(60) /* aborted */")).await.unwrap();
        }
    });
    sleep(Duration::from_millis(300)).await;
    task.abort();
    until_nothing_runs(&server, "aborted").await;
    assert_eq!(pools.stats().open, 1);
}

#[tokio::test]
async fn a_passed_deadline_is_told_at_once_and_stops_the_statement() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut held = take(&pools, &server).await;
    let pid = backend(&mut held).await;
    let statement =
        Statement::new("SELECT pg_sleep(60) /* late */", Instant::now() + Duration::from_millis(200));
    let begun = Instant::now();
    assert!(matches!(held.query(&statement).await, Err(TenantError::Timeout)));
    assert!(begun.elapsed() < Duration::from_millis(600));
    drop(held);
    until_nothing_runs(&server, "late").await;
    until_all_rests(&pools).await;
    let mut again = take(&pools, &server).await;
    assert_eq!(backend(&mut again).await, pid);
    // Dropped without a pool, a connection cancels all the same.
    let mut alone = server.connect().await;
    let statement =
        Statement::new("SELECT pg_sleep(60) /* late */", Instant::now() + Duration::from_millis(200));
    assert!(alone.query(&statement).await.is_err());
    drop(alone);
    until_nothing_runs(&server, "late").await;
}

#[tokio::test]
async fn a_result_over_the_byte_budget_is_cut_and_stopped() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut held = take(&pools, &server).await;
    let sql = "SELECT repeat('x', 1000) /* heavy */ FROM generate_series(1, 100000000)";
    let pid = backend(&mut held).await;
    let statement = Statement { max_rows: u64::MAX, max_bytes: 1_000_000, ..reading(sql) };
    let outcome = run(&mut held, statement).await.unwrap();
    assert_eq!(outcome.summary.truncated, Some(Truncation::ByteLimit));
    assert!((990..1000).contains(&outcome.summary.rows));
    drop(held);
    until_nothing_runs(&server, "heavy").await;
    until_all_rests(&pools).await;
    assert_eq!(backend(&mut *take(&pools, &server).await).await, pid);
}

#[tokio::test]
async fn sessions_with_something_left_behind_are_not_used_again() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut other = server.connect().await;
    let function = "CREATE FUNCTION become(text) RETURNS text LANGUAGE sql
        AS 'SELECT set_config(''app.user'', $1, false)'";
    run(&mut other, writing(function)).await.unwrap();
    let lasting = [
        writing("SET search_path = 'pg_catalog'"),
        writing("SELECT set_config('TimeZone', 'Asia/Tokyo', false)"),
        writing("SELECT set_config('role', 'pg_monitor', false)"),
        writing("SELECT set_config('search_path', 'pg_catalog', false)"),
        writing("SELECT become('ada')"),
        writing("CREATE TEMP TABLE leaked AS SELECT 1"),
        writing("SELECT 1 AS n INTO TEMP leaked"),
        writing("EXPLAIN ANALYZE CREATE TEMP TABLE leaked AS SELECT 1"),
        writing("SELECT pg_advisory_lock(7)"),
        reading("SELECT pg_advisory_lock(7)"),
        reading("SELECT pg_advisory_lock(7), 1 / (random() * 0)::int"),
        writing("LISTEN x"),
        reading("PREPARE p AS SELECT 1"),
    ];
    let mut leaks = Vec::new();
    for statement in lasting {
        let mut held = take(&pools, &server).await;
        let pid = backend(&mut held).await;
        let _ = run(&mut held, statement).await;
        drop(held);
        if backend(&mut *take(&pools, &server).await).await == pid {
            leaks.push(statement.sql);
        }
    }
    assert!(leaks.is_empty(), "{leaks:?}");
}

#[tokio::test]
async fn a_setting_that_nobody_waited_for_is_not_used_again_either() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut held = take(&pools, &server).await;
    let statement = writing("SET search_path = 'pg_catalog'");
    drop(held.query(&statement).await.unwrap());
    drop(held);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(pools.stats().open, 0);
}

#[tokio::test]
async fn sessions_of_ordinary_writes_are_used_again() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut held = take(&pools, &server).await;
    let pid = backend(&mut held).await;
    run(&mut server.connect().await, writing("CREATE TABLE ordinary (id int, name varchar(10))"))
        .await
        .unwrap();
    for sql in [
        "INSERT INTO ordinary (id, name) VALUES (1, lower('A')), (2, $1) RETURNING id",
        "UPDATE ordinary SET name = coalesce(name, 'x') WHERE id IN (1, 2)",
        "SELECT count(*), max(id) FROM ordinary",
        "DELETE FROM ordinary",
    ] {
        let params = [Param::Text("b".into())];
        let params = if sql.contains('$') { &params[..] } else { &[] };
        run(&mut held, Statement { params, ..writing(sql) }).await.unwrap();
        drop(held);
        held = take(&pools, &server).await;
        assert_eq!(backend(&mut held).await, pid, "{sql}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let (server, pools) = (server(), Pools::new(PoolLimits::default()));
    let mut held = take(&pools, &server).await;
    let pid = backend(&mut held).await;
    drop(held);
    let mut killer = server.connect().await;
    run(&mut killer, writing(&format!("SELECT pg_terminate_backend({pid})"))).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let mut again = take(&pools, &server).await;
    assert_ne!(backend(&mut again).await, pid);
}

/// Both sides prepare it (`SASLprep`), and hash it where it is longer than a block.
#[tokio::test]
async fn long_passwords_sign_in_whatever_their_letters() {
    let server = server();
    let mut connection = server.connect().await;
    let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
    for (number, password) in ["x".repeat(500), "\u{fb01}\u{2168}\u{a0}".repeat(60)].iter().enumerate() {
        let user = format!("verbose_{number}");
        let create = format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'");
        run(&mut connection, writing(&create)).await.unwrap();
        let endpoint = PostgresEndpoint { user, ..server.endpoint() };
        connect(&dialer, &endpoint, &Secret::from_text(password.clone()), soon()).await.unwrap();
    }
}
