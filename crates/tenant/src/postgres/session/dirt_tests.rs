use proptest::prelude::*;

use super::*;

fn writes(sql: &str) -> bool {
    Leaves::by(sql).is_harmless(AccessMode::ReadWrite)
}

fn reads(sql: &str) -> bool {
    Leaves::by(sql).is_harmless(AccessMode::ReadOnly)
}

#[test]
fn ordinary_statements_are_harmless() {
    for sql in [
        "",
        "-- nothing",
        "SELECT 1",
        "/* from /* the */ dashboard */ -- x\n ( select 1) union (select 2)",
        "(/* c */(SELECT 1))",
        "INSERT INTO shop.items (id, name) VALUES (1, lower($1)), (2, coalesce($2, '')) RETURNING id",
        r#"insert into "Items" as i ("id") select count (*) from t on conflict (id) do update set (a) = row(1)"#,
        "UPDATE t SET n = n + 1 WHERE id IN (1, 2) AND at < now() /* trace=1 */",
        "DELETE FROM t WHERE id = ANY ($1)",
        "MERGE INTO t USING s ON (t.id = s.id) WHEN MATCHED THEN DELETE",
        "WITH RECURSIVE up (id) AS (SELECT 1), b AS MATERIALIZED (SELECT 2) SELECT * FROM up, unnest($1) AS x(y)",
        "SELECT n::numeric(10, 2) FROM t -- (why)",
        "SELECT 'create', 'advisory board', 'image/*', become FROM t WHERE note LIKE 'f(%'",
        "EXPLAIN (ANALYZE) SELECT 1",
    ] {
        assert!(writes(sql) && reads(sql), "{sql}");
    }
}

#[test]
fn what_may_leave_something_behind_is_not() {
    for sql in [
        "SET search_path = x",
        "/* SELECT */ SET search_path = x",
        "-- SELECT\nPREPARE p AS SELECT 1",
        "/* /* */ SELECT */ LISTEN x",
        "DO $$ BEGIN END $$",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_catalog.pg_try_advisory_lock_shared(1)",
        "SELECT dblink_connect('x')",
        "SELECT setseed(0.5)",
        "SELECT pg_backup_start('x')",
        r#"SELECT "pg_advisory_lock"(1)"#,
        r#"SELECT U&"pg_\0061dvisory_lock"(1)"#,
        r#"SELECT u&"pg_!0061dvisory_lock" UESCAPE '!' (1)"#,
    ] {
        assert!(!writes(sql) && !reads(sql), "{sql}");
    }
}

#[test]
fn what_ends_with_a_rollback_is_harmless_to_read_only_sessions_alone() {
    for sql in [
        "SELECT set_config('role', 'admin', false)",
        "select pg_catalog.SET_CONFIG ('role', 'admin', false)",
        "SELECT set_config/* c */('role', 'admin', false)",
        "SELECT set_config -- count\n ('role', 'admin', false)",
        "SELECT 'image/*', set_config('role', 'admin', false), '*/*'",
        "SELECT E'a'\n'\\'', set_config('role', 'admin', false), ''",
        "SELECT \u{a0}e'\\', set_config('role', 'admin', false), ''",
        "SELECT $1$$'$$, set_config('role', 'admin', false), ''",
        "SELECT 1INTO TEMP t",
        "SELECT 1.INTO TEMP t",
        "SELECT public.count(n) FROM t",
        r#"SELECT "set_config"('role', 'admin', false)"#,
        "SELECT app.become($1)",
        "SELECT lo_create(0)",
        "SELECT 1 AS n INTO TEMP t",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT id INTO t2 FROM x",
        "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1",
    ] {
        assert!(!writes(sql) && reads(sql), "{sql}");
    }
    assert!(!writes("CREATE TEMP TABLE t AS SELECT 1"));
}

#[test]
fn commands_that_change_the_session_are_told_by_their_tag_too() {
    assert!(is_harmless_tag("SELECT 3") && is_harmless_tag("INSERT 0 1") && is_harmless_tag(""));
    for tag in
        ["SET", "LISTEN", "PREPARE", "DEALLOCATE ALL", "BEGIN", "CALL", "DO", "CREATE TABLE", "SELECTED"]
    {
        assert!(!is_harmless_tag(tag), "{tag}");
    }
}

proptest! {
    #[test]
    fn nothing_around_it_hides_a_call(
        before in "(select |values |/\\* ' \\*/|'/\\*'|'--'|e'\\\\''|,|\\$a\\$'\\$a\\$|\"'\"|-- '\n|\\()*",
        between in "( |\n|/\\* [(x] \\*/|-- [x(]\n)*",
    ) {
        let sql = format!("SELECT {before} app.become{between}(1)");
        prop_assert!(!writes(&sql));
    }
}
