use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use proptest::prelude::*;
use tokio::{io::AsyncReadExt, runtime, task::yield_now, time::timeout};

use super::{backend::RECOVERY, *};
use crate::{
    ColumnValues, Summary, Truncation,
    postgres::fake::{
        bare, closing, complete, description, error, message, opening, ready, row, session, soon,
    },
};

const INT8: u32 = 20;
const TEXT: u32 = 25;

fn int_row(value: &str) -> Vec<u8> {
    message(b'D', &row(&[Some(value.as_bytes())]))
}

fn writing(sql: &str) -> Statement<'_> {
    Statement { access_mode: AccessMode::ReadWrite, ..Statement::new(sql, soon()) }
}

/// Runs a statement to its end; gives its numbers and its summary.
async fn drain(
    connection: &mut PostgresSession,
    statement: &Statement<'_>,
) -> Result<(Vec<i64>, Summary), TenantError> {
    let mut rows = connection.query(statement).await?;
    let mut numbers = Vec::new();
    while let Some(batch) = rows.next_batch().await? {
        match &batch.columns[0].values {
            ColumnValues::Int(values) => numbers.extend(values),
            other => panic!("{other:?}"),
        }
    }
    Ok((numbers, rows.summary().unwrap().clone()))
}

#[tokio::test]
async fn a_read_only_statement_is_one_pipeline_and_the_next_time_a_shorter_one() {
    let (mut connection, mut server, _way) = session();
    server.send(&[opening(&[("n", INT8)]), int_row("41"), int_row("-1"), closing("SELECT 2")].concat()).await;
    let (numbers, summary) = drain(&mut connection, &Statement::new("SELECT n", soon())).await.unwrap();
    assert_eq!(numbers, [41, -1]);
    assert_eq!(summary, Summary { rows: 2, command_tag: "SELECT 2".into(), truncated: None });
    assert_eq!(server.read_to(b'S').await, "PPBEPDBEBES");

    let binary = message(b'D', &row(&[Some(&7i64.to_be_bytes())]));
    server.send(&[bare(b"2"), complete("BEGIN"), bare(b"2"), binary, closing("SELECT 1")].concat()).await;
    let (numbers, _) = drain(&mut connection, &Statement::new("SELECT n", soon())).await.unwrap();
    assert_eq!(numbers, [7]);
    assert_eq!(server.read_to(b'S').await, "BEBEBES");
    assert!(connection.is_reusable());
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_here_do_not_wait_for_those_that_are_not() {
    let (mut connection, mut server, _way) = session();
    let begun = Instant::now();
    server.send(&[opening(&[("n", INT8)]), int_row("1")].concat()).await;
    let statement = Statement::new("SELECT n", soon());
    let mut rows = connection.query(&statement).await.unwrap();
    assert_eq!(rows.next_batch().await.unwrap().unwrap().rows, 1);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    server.send(&int_row("2")).await;
    assert_eq!(rows.next_batch().await.unwrap().unwrap().rows, 1);
    assert!(begun.elapsed() <= Duration::from_millis(6), "later rows wait a little for more");
    server.send(&[int_row("3"), closing("SELECT 3")].concat()).await;
    assert_eq!(rows.next_batch().await.unwrap().unwrap().rows, 1);
    assert!(rows.summary().is_none());
    assert!(rows.next_batch().await.unwrap().is_none());
    assert_eq!(rows.summary().unwrap().rows, 3);
    assert!(rows.next_batch().await.unwrap().is_none());
}

#[tokio::test]
async fn the_row_limit_asks_for_one_more_and_drops_it() {
    let (mut connection, mut server, _way) = session();
    let tail = [bare(b"s2"), complete("ROLLBACK"), ready(b'I')].concat();
    server.send(&[opening(&[("n", INT8)]), int_row("1"), int_row("2"), int_row("3"), tail].concat()).await;
    let statement = Statement { max_rows: 2, ..Statement::new("SELECT n", soon()) };
    let (numbers, summary) = drain(&mut connection, &statement).await.unwrap();
    assert_eq!(numbers, [1, 2]);
    let truncated = Some(Truncation::RowLimit);
    assert_eq!(summary, Summary { rows: 2, command_tag: String::new(), truncated });
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn a_server_that_sends_more_rows_than_asked_for_is_cut_off() {
    let (mut connection, mut server, _way) = session();
    server.send(&[opening(&[("n", INT8)]), int_row("1").repeat(4)].concat()).await;
    let statement = Statement { max_rows: 2, ..Statement::new("SELECT n", soon()) };
    let error = drain(&mut connection, &statement).await.err().unwrap();
    assert!(matches!(error, TenantError::Protocol("more rows than asked for")));
    assert!(!connection.is_reusable() && !connection.is_recoverable());
}

#[tokio::test]
async fn endless_rows_are_cut_by_the_byte_budget_and_cancelled() {
    let (mut connection, mut server, way) = session();
    let mut canceller = way.expect();
    server.send(&[opening(&[("n", INT8)]), int_row("1").repeat(100)].concat()).await;
    let endless = tokio::spawn(async move {
        let request = canceller.read_body().await;
        drop(canceller);
        server.send(&[error("57014"), ready(b'E'), complete("ROLLBACK"), ready(b'I')].concat()).await;
        (request, server)
    });
    let statement = Statement { max_bytes: 200, ..Statement::new("SELECT n", soon()) };
    let (numbers, summary) = drain(&mut connection, &statement).await.unwrap();
    // A row is 7 bytes: the count, a length, one digit.
    assert_eq!(numbers.len(), 200 / 7);
    assert_eq!(summary.truncated, Some(Truncation::ByteLimit));
    assert!(!connection.is_reusable() && connection.is_recoverable());
    assert!(connection.recover().await);
    let (request, _server) = endless.await.unwrap();
    assert_eq!(request, [80_877_102i32, 7, 9].map(i32::to_be_bytes).concat());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_cancelled_by_whoever_drops_the_connection() {
    let (mut connection, _server, way) = session();
    let mut canceller = way.expect();
    let statement = Statement {
        first_answer: Instant::now() + Duration::from_secs(10),
        ..Statement::new("SELECT n", Instant::now() + Duration::from_secs(30))
    };
    let begun = Instant::now();
    assert!(matches!(connection.query(&statement).await, Err(TenantError::Timeout)));
    assert_eq!(begun.elapsed().as_secs(), 10);
    drop(connection);
    let request = timeout(Duration::from_secs(1), canceller.read_body()).await;
    assert_eq!(request.expect("nothing was cancelled").len(), 12);
}

#[tokio::test(start_paused = true)]
async fn recovery_gives_up_on_a_server_that_ignores_it() {
    let (mut connection, _server, way) = session();
    let _canceller = way.expect();
    let statement = Statement::new("SELECT n", Instant::now() + Duration::from_secs(1));
    assert!(connection.query(&statement).await.is_err());
    let begun = Instant::now();
    assert!(!connection.recover().await);
    assert!(begun.elapsed() <= RECOVERY + Duration::from_millis(2));
    assert!(!connection.is_recoverable());
}

#[tokio::test]
async fn an_error_of_the_statement_leaves_the_session_usable() {
    let (mut connection, mut server, _way) = session();
    let begun = [bare(b"112"), complete("BEGIN")].concat();
    server.send(&[begun, error("42P01"), ready(b'E'), complete("ROLLBACK"), ready(b'I')].concat()).await;
    let failure = connection.query(&Statement::new("SELECT n", soon())).await.err().unwrap();
    assert!(matches!(failure, TenantError::Sql(error) if error.sqlstate == "42P01"));
    assert_eq!(server.read_to(b'Q').await, "PPBEPDBEBESQ");
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn an_error_at_the_end_of_the_transaction_is_the_result() {
    let (mut connection, mut server, _way) = session();
    let replies = [
        bare(b"1"),
        message(b't', &[0, 0]),
        bare(b"n2"),
        complete("INSERT 0 1"),
        error("23503"),
        ready(b'I'),
    ];
    server.send(&replies.concat()).await;
    let failure = drain(&mut connection, &writing("INSERT")).await.err().unwrap();
    assert!(matches!(failure, TenantError::Sql(error) if error.sqlstate == "23503"));
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn what_may_leave_state_behind_dirties_the_session() {
    let status = message(b'S', b"TimeZone\0Asia/Tokyo\0");
    for (sql, aside, tag, dirty) in [
        ("SELECT 1", &b""[..], "SET", true),
        ("SELECT 1", &status, "SELECT 1", true),
        ("SET x = 1", &b""[..], "SELECT 1", true),
        ("UPDATE t SET x = 1", &b""[..], "UPDATE 1", false),
    ] {
        let (mut connection, mut server, _way) = session();
        let begin = [bare(b"1"), message(b't', &[0, 0]), bare(b"n2")].concat();
        server.send(&[&begin[..], &complete(tag), aside, &ready(b'I')].concat()).await;
        drain(&mut connection, &writing(sql)).await.unwrap();
        assert_eq!(connection.is_reusable(), !dirty, "{sql} {tag}");
    }
}

#[tokio::test]
async fn a_lock_dirties_the_session_even_if_the_statement_fails() {
    let (mut connection, mut server, _way) = session();
    let begun = [bare(b"112"), complete("BEGIN")].concat();
    server.send(&[begun, error("22012"), ready(b'E'), complete("ROLLBACK"), ready(b'I')].concat()).await;
    let sql = "SELECT pg_advisory_lock(1), 1 / 0";
    assert!(connection.query(&Statement::new(sql, soon())).await.is_err());
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn a_known_statement_is_judged_by_the_mode_that_it_runs_in() {
    let (mut connection, mut server, _way) = session();
    let sql = "SELECT set_config('search_path', 'x', false)";
    server.send(&[opening(&[("n", INT8)]), closing("SELECT 0")].concat()).await;
    drain(&mut connection, &Statement::new(sql, soon())).await.unwrap();
    assert!(connection.is_reusable(), "it was rolled back");
    server.send(&[bare(b"2"), complete("SELECT 0"), ready(b'I')].concat()).await;
    drain(&mut connection, &writing(sql)).await.unwrap();
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn a_setting_that_changed_while_a_statement_was_given_up_dirties_the_session() {
    let (mut connection, mut server, way) = session();
    drop(way.expect());
    server.send(&opening(&[("n", INT8)])).await;
    drop(connection.query(&Statement::new("SELECT n", soon())).await);
    let status = message(b'S', b"TimeZone\0Asia/Tokyo\0");
    server.send(&[&status[..], &error("57014"), &ready(b'I')].concat()).await;
    assert!(!connection.recover().await);
    assert!(connection.backend.is_idle());
}

#[tokio::test]
async fn statements_that_do_not_fit_a_single_pipeline_are_refused() {
    let begin = [bare(b"1"), message(b't', &[0, 0]), bare(b"n2")].concat();
    for replies in
        [message(b'G', b"\0\0\0"), message(b'H', b"\0\0\0"), [complete("BEGIN"), ready(b'T')].concat()]
    {
        let (mut connection, mut server, _way) = session();
        server.send(&[&begin[..], &replies].concat()).await;
        let failure = drain(&mut connection, &writing("x")).await.err().unwrap();
        assert!(matches!(failure, TenantError::UnsupportedStatement), "{failure}");
        assert!(!connection.is_reusable() && !connection.is_recoverable());
    }
}

#[tokio::test]
async fn a_statement_that_the_server_forgot_is_sent_again_without_names() {
    for sqlstate in ["26000", "42P05"] {
        let (mut connection, mut server, _way) = session();
        let described = [message(b't', &[0, 0]), message(b'T', &description(&[("n", INT8)]))].concat();
        let second =
            [bare(b"1"), described, bare(b"2"), int_row("5"), complete("SELECT 1"), ready(b'I')].concat();
        server.send(&[error(sqlstate), ready(b'I'), second].concat()).await;
        assert_eq!(drain(&mut connection, &writing("SELECT n")).await.unwrap().0, [5]);
        // There may be a pooler in between, which could pass a cancellation on too late.
        assert!(connection.backend.is_pooled());
        assert_eq!(server.read_to(b'S').await, "PDBES");
        assert_eq!(server.read_to(b'S').await, "PDBES");
        let unnamed = [bare(b"12"), complete("BEGIN"), bare(b"1")].concat();
        let described = [message(b't', &[0, 0]), bare(b"n2"), complete("SELECT 0")].concat();
        let rolled_back = [bare(b"12"), complete("ROLLBACK"), ready(b'I')].concat();
        server.send(&[unnamed, described, rolled_back].concat()).await;
        connection.query(&Statement::new("SELECT n", soon())).await.unwrap().next_batch().await.unwrap();
        assert_eq!(server.read_to(b'S').await, "PBEPDBEPBES");
        assert!(connection.is_reusable());
    }
}

#[tokio::test]
async fn no_two_sessions_share_a_name() {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let (mut connection, mut server, _way) = session();
        server.send(&[opening(&[("n", INT8)]), closing("SELECT 0")].concat()).await;
        drain(&mut connection, &Statement::new("SELECT n", soon())).await.unwrap();
        let mut names = 0;
        for _ in 0..3 {
            // BEGIN, ROLLBACK and the statement, each between the others' Binds.
            let name = loop {
                let tag = server.0.read_u8().await.unwrap();
                let body = server.read_body().await;
                if tag == b'P' {
                    break body.split(|&byte| byte == 0).next().unwrap().to_vec();
                }
            };
            names += usize::from(seen.insert(name));
        }
        assert_eq!(names, 3);
    }
}

#[tokio::test]
async fn a_read_only_statement_counts_only_behind_a_real_begin() {
    let (mut connection, mut server, _way) = session();
    let crossed = [bare(b"112"), complete("UPDATE 0"), bare(b"1")].concat();
    server.send(&crossed).await;
    let failure = connection.query(&Statement::new("SELECT n", soon())).await.err().unwrap();
    assert!(matches!(failure, TenantError::Protocol(_)));
    assert!(!connection.is_reusable() && !connection.is_recoverable());
}

#[tokio::test]
async fn a_write_over_the_byte_budget_is_read_to_its_end() {
    let (mut connection, mut server, _way) = session();
    let described =
        [message(b't', &[0, 0]), message(b'T', &description(&[("n", INT8)])), bare(b"2")].concat();
    let end = [complete("INSERT 0 100"), ready(b'I')].concat();
    server.send(&[bare(b"1"), described, int_row("1").repeat(100), end].concat()).await;
    let statement = Statement { max_bytes: 200, ..writing("INSERT") };
    let (numbers, summary) = drain(&mut connection, &statement).await.unwrap();
    assert_eq!(numbers.len(), 200 / 7);
    let truncated = Some(Truncation::ByteLimit);
    assert_eq!(summary, Summary { rows: 28, command_tag: "INSERT 0 100".into(), truncated });
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn a_write_that_goes_on_and_on_is_stopped() {
    let (mut connection, mut server, way) = session();
    let mut canceller = way.expect();
    let described =
        [message(b't', &[0, 0]), message(b'T', &description(&[("n", INT8)])), bare(b"2")].concat();
    server.send(&[bare(b"1"), described, int_row("1").repeat(1000)].concat()).await;
    let statement = Statement { max_bytes: 200, max_read_bytes: 1000, ..writing("INSERT") };
    let failure = drain(&mut connection, &statement).await.err().unwrap();
    assert!(matches!(failure, TenantError::ResultTooLarge), "{failure}");
    // Whoever holds the session cancels the statement.
    assert!(connection.is_recoverable());
    drop(connection);
    assert_eq!(canceller.read_body().await.len(), 12);
}

#[tokio::test]
async fn a_result_that_is_all_here_lets_others_have_their_turns() {
    let (mut connection, mut server, _way) = session();
    let nulls = message(b'D', &row(&vec![None; 1000]));
    let columns = vec![("n", TEXT); 1000];
    server.send(&[opening(&columns), nulls.repeat(150), closing("SELECT 150")].concat()).await;
    let turns = Arc::new(AtomicUsize::new(0));
    let counter = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        }
    });
    let statement = Statement::new("SELECT n", soon());
    let mut rows = connection.query(&statement).await.unwrap();
    let before = turns.load(Ordering::Relaxed);
    while rows.next_batch().await.unwrap().is_some() {}
    // 150,000 empty texts of 24 bytes, and no wait for the server.
    assert!(turns.load(Ordering::Relaxed) - before >= 10, "3 MB in one turn");
    counter.abort();
}

#[tokio::test(start_paused = true)]
async fn a_write_over_the_byte_budget_that_does_not_end_in_time_is_no_success() {
    let (mut connection, mut server, _way) = session();
    let described =
        [message(b't', &[0, 0]), message(b'T', &description(&[("n", INT8)])), bare(b"2")].concat();
    server.send(&[bare(b"1"), described, int_row("1").repeat(100)].concat()).await;
    let deadline = Instant::now() + Duration::from_secs(1);
    let statement = Statement { max_bytes: 200, deadline, ..writing("INSERT") };
    assert!(matches!(drain(&mut connection, &statement).await, Err(TenantError::Timeout)));
    assert!(connection.is_recoverable());
}

#[tokio::test]
async fn a_statement_that_has_begun_is_never_sent_again() {
    let (mut connection, mut server, _way) = session();
    let replies = [bare(b"1"), message(b't', &[0, 0]), bare(b"n2"), error("26000"), ready(b'I')].concat();
    server.send(&replies).await;
    let failure = drain(&mut connection, &writing("SELECT f()")).await.err().unwrap();
    assert!(matches!(failure, TenantError::Sql(_)));
    assert_eq!(server.read_to(b'S').await, "PDBES");
    drop(connection);
    assert_eq!(server.read_to(b'X').await, "X");
}

#[tokio::test]
async fn a_nul_in_a_statement_sends_nothing() {
    let (mut connection, mut server, _way) = session();
    let failure = connection.query(&Statement::new("SELECT '\0'", soon())).await.err().unwrap();
    assert!(matches!(failure, TenantError::InvalidStatement(_)));
    assert!(connection.is_reusable());
    drop(connection);
    assert_eq!(server.read_to(b'X').await, "X");
    assert_eq!(server.0.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_session_in_the_middle_of_a_statement_takes_no_other() {
    let (mut connection, mut server, _way) = session();
    server.send(&[opening(&[("n", INT8)]), int_row("1")].concat()).await;
    drop(connection.query(&Statement::new("SELECT n", soon())).await.unwrap());
    let failure = connection.query(&Statement::new("SELECT n", soon())).await.err().unwrap();
    assert!(matches!(failure, TenantError::Closed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_order_of_messages_makes_the_session_panic_or_hang(
        begins: bool,
        tags in prop::collection::vec((prop::sample::select(b"DCsIEZ123tTnKRGSN".to_vec()), 0..6usize), 0..12),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut connection, mut server, _way) = session();
            let mut bytes = if begins { opening(&[("n", INT8)]) } else { Vec::new() };
            for (tag, shape) in tags {
                let shapes = [&b""[..], b"I", b"E", b"SELECT 1\0", b"\0\x01\0\0\0\x011", b"C42P01\0\0"];
                bytes.extend(message(tag, shapes[shape]));
            }
            server.send(&bytes).await;
            drop(server);
            let _ = drain(&mut connection, &Statement::new("SELECT n", soon())).await;
        });
    }
}
