//! What comes out of a real server is what went in, in every form it travels in.

use crate::support::{reading, run, server, writing};
use postern_tenant::{ColumnValues, Encoding, Param, Statement, Truncation};

/// A column of each encoding, with values at the edges and a NULL.
const EVERYTHING: &str = "SELECT * FROM (VALUES
    (true, (-32768)::int2, 2147483647, (-9223372036854775808)::int8, 4294967295::oid, 3.4::float4, 0.1::float8,
     '\\x00ff'::bytea, 1.10::numeric, 'naïve', '{\"a\": 1}'::jsonb, '{1,2}'::int[]),
    (false, 1::int2, -1, 9223372036854775807, 0, 'NaN', '-Infinity', '', 'NaN', '', '[]', '{}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) t";

#[tokio::test]
async fn every_type_comes_out_the_same_as_text_and_as_binary() {
    let server = server();
    let mut connection = server.connect().await;
    let first = run(&mut connection, reading(EVERYTHING)).await.unwrap();
    let again = run(&mut connection, reading(EVERYTHING)).await.unwrap();
    let columns_of = |result: &crate::support::Outcome| {
        result.batches.iter().map(|batch| format!("{:?}", batch.columns)).collect::<Vec<_>>()
    };
    assert_eq!(columns_of(&first), columns_of(&again));

    let columns = &first.batches[0].columns;
    assert_eq!(columns[0].values, ColumnValues::Bool(vec![true, false, false]));
    assert_eq!(columns[1].values, ColumnValues::Int(vec![-32768, 1, 0]));
    assert_eq!(columns[3].values, ColumnValues::Int(vec![i64::MIN, i64::MAX, 0]));
    assert_eq!(columns[4].values, ColumnValues::Int(vec![4_294_967_295, 0, 0]));
    assert_eq!(columns[7].values, ColumnValues::Bytes(vec![vec![0, 255], vec![], vec![]]));
    assert_eq!(first.texts(8), ["1.10", "NaN", ""]);
    assert_eq!(first.texts(9), ["naïve", "", ""]);
    assert_eq!(first.texts(11), ["{1,2}", "{}", ""]);
    match (&columns[5].values, &columns[6].values) {
        (ColumnValues::Double(four), ColumnValues::Double(eight)) => {
            assert_eq!((four[0], eight[0], eight[1]), (f64::from(3.4f32), 0.1, f64::NEG_INFINITY));
            assert!(four[1].is_nan());
        }
        other => panic!("{other:?}"),
    }
    assert!(columns.iter().all(|column| column.nulls == [0b100]));
    let types: Vec<_> = first.columns.iter().map(|c| c.type_name.as_str()).collect();
    let expected =
        "bool int2 int4 int8 oid float4 float8 bytea numeric text jsonb _int4".split(' ').collect::<Vec<_>>();
    assert_eq!(types, expected);
    assert_eq!(first.columns[8].encoding, Encoding::Text);
    assert_eq!(first.summary.command_tag, "SELECT 3");
}

#[tokio::test]
async fn times_come_out_as_iso_8601() {
    let server = server();
    let mut connection = server.connect().await;
    let sql = "SELECT '2026-01-02'::date, '2026-01-02 03:04:05.678'::timestamp, '2026-01-02 05:04:05+02'::timestamptz,
        '03:04:05'::time, '03:04:05-07'::timetz, 'infinity'::timestamptz, '0044-03-15 12:00 BC'::timestamp";
    for _ in 0..2 {
        let outcome = run(&mut connection, reading(sql)).await.unwrap();
        let texts: Vec<_> = (0..7).map(|column| outcome.texts(column)[0].as_str()).collect();
        let expected = [
            "2026-01-02",
            "2026-01-02T03:04:05.678",
            "2026-01-02T03:04:05+00:00",
            "03:04:05",
            "03:04:05-07:00",
            "infinity",
            "0044-03-15 12:00:00 BC",
        ];
        assert_eq!(texts, expected);
    }
}

#[tokio::test]
async fn intervals_come_out_as_postgres_itself_writes_iso_8601() {
    let server = server();
    let mut connection = server.connect().await;
    let function = "CREATE OR REPLACE FUNCTION iso(interval) RETURNS text LANGUAGE sql STABLE
        SET intervalstyle = iso_8601 AS 'SELECT $1::text'";
    run(&mut connection, writing(function)).await.unwrap();
    let sql = "SELECT i, iso(i) FROM (SELECT make_interval(months => m, days => d, secs => s) i
        FROM unnest(ARRAY[0, 1, -1, 14, -25]) m, unnest(ARRAY[0, 1, -3]) d,
             unnest(ARRAY[0, 0.000001, -0.5, 59.9, 3600, -3661.25, 400000]) s) t";
    let outcome = run(&mut connection, reading(sql)).await.unwrap();
    assert_eq!(outcome.texts(0).len(), 105);
    assert_eq!(outcome.texts(0), outcome.texts(1));
}

#[tokio::test]
async fn parameters_take_the_type_that_the_statement_asks_for() {
    let server = server();
    let mut connection = server.connect().await;
    let text = |text: &str| Param::Text(text.into());
    let params =
        [text("42"), text("2026-01-02"), Param::Null, Param::Bytes(vec![0, 255]), text("{1,2}"), text("é")];
    let sql = "SELECT $1::int8 + 1, $2::date + 1, $3::text IS NULL, $4::bytea, $5::int[], $6";
    for _ in 0..2 {
        let outcome = run(&mut connection, Statement { params: &params, ..reading(sql) }).await.unwrap();
        let columns = &outcome.batches[0].columns;
        assert_eq!(columns[0].values, ColumnValues::Int(vec![43]));
        assert_eq!(columns[2].values, ColumnValues::Bool(vec![true]));
        assert_eq!(columns[3].values, ColumnValues::Bytes(vec![vec![0, 255]]));
        assert_eq!((outcome.texts(1)[0].as_str(), outcome.texts(4)[0].as_str()), ("2026-01-03", "{1,2}"));
        assert_eq!(outcome.texts(5)[0], "é");
    }
}

#[tokio::test]
async fn a_long_result_arrives_whole_and_in_order() {
    let server = server();
    let mut connection = server.connect().await;
    let sql = "SELECT n, repeat('x', (n % 300)::int) FROM generate_series(1::int8, 50000) n";
    for _ in 0..2 {
        let outcome = run(&mut connection, Statement { max_rows: 50_000, ..reading(sql) }).await.unwrap();
        assert_eq!(outcome.ints(0), (1..=50_000).collect::<Vec<_>>());
        assert!(outcome.batches.iter().all(|batch| batch.rows <= 1000));
        assert_eq!((outcome.summary.rows, outcome.summary.truncated), (50_000, None));
        assert_eq!(outcome.summary.command_tag, "SELECT 50000");
    }
}

#[tokio::test]
async fn the_row_limit_cuts_what_is_longer_and_not_what_just_fits() {
    let server = server();
    let mut connection = server.connect().await;
    for (rows, truncated) in [(9, None), (10, None), (11, Some(Truncation::RowLimit))] {
        let sql = format!("SELECT n FROM generate_series(1, {rows}) n");
        let outcome = run(&mut connection, Statement { max_rows: 10, ..reading(&sql) }).await.unwrap();
        assert_eq!((outcome.ints(0).len(), outcome.summary.truncated), (rows.min(10), truncated));
        assert_eq!(outcome.summary.command_tag.is_empty(), truncated.is_some());
    }
}

#[tokio::test]
async fn results_without_rows_or_columns_are_results_too() {
    let server = server();
    let mut connection = server.connect().await;
    let nothing = run(&mut connection, reading("SELECT 1 WHERE false")).await.unwrap();
    assert_eq!((nothing.columns.len(), nothing.batches.len(), nothing.summary.rows), (1, 0, 0));
    let empty = run(&mut connection, reading("-- nothing")).await.unwrap();
    assert_eq!((empty.columns.len(), empty.summary.command_tag.as_str()), (0, ""));
    let bare = run(&mut connection, reading("SELECT FROM generate_series(1, 3)")).await.unwrap();
    assert_eq!((bare.columns.len(), bare.batches[0].rows, bare.summary.rows), (0, 3, 3));
}

#[tokio::test]
async fn more_statements_than_are_kept_all_work() {
    let server = server();
    let mut connection = server.connect().await;
    for round in 0..2 {
        for n in 0..80 {
            let sql = format!("SELECT {n}::int8");
            assert_eq!(run(&mut connection, reading(&sql)).await.unwrap().ints(0), [n], "{round}");
        }
    }
    let known =
        run(&mut connection, reading("SELECT count(*) FROM pg_prepared_statements")).await.unwrap().ints(0);
    assert!((60..=67).contains(&known[0]), "{known:?}");
}
