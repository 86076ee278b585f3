//! No text hides a call from the judgement whether a statement may leave something behind in its session.

use postern_domain::AccessMode;
use postern_tenant::fuzzing::is_harmless;

use crate::{Verdict, sql};

/// Puts calls behind the text, and between two texts where a zero byte parts them.
pub fn check(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let (before, after) = text.split_once('\0').unwrap_or((text, ""));
    let before = format!("SELECT {before} ,");
    if !sql::is_code_after(&before) {
        return Verdict::Refused;
    }
    let judge = |call: &str, mode| is_harmless(&format!("{before} {call} {after}"), mode);
    for call in ["app.become(1)", "become(1)", "\"set_config\" (1)", "set_config\n--(\n(1)", "set_config/**/('role', 'x', false)"] {
        assert!(!judge(call, AccessMode::ReadWrite), "{call} is overlooked after {before:?}");
    }
    for call in ["pg_advisory_lock(1)", "pg_catalog.PG_ADVISORY_LOCK (1)", "U&\"pg_\\0061dvisory_lock\"(1)"] {
        for mode in [AccessMode::ReadOnly, AccessMode::ReadWrite] {
            assert!(!judge(call, mode), "{call} is overlooked after {before:?}");
        }
    }
    for (command, mode) in [("1 INTO TEMP t", AccessMode::ReadWrite), ("1INTO TEMP t", AccessMode::ReadWrite)] {
        assert!(!judge(command, mode), "{command} is overlooked after {before:?}");
    }
    is_milder_to_readers(text);
    Verdict::Accepted
}

/// What leaves nothing behind after it has written leaves nothing behind after it was rolled back.
fn is_milder_to_readers(text: &str) {
    assert!(!is_harmless(text, AccessMode::ReadWrite) || is_harmless(text, AccessMode::ReadOnly), "{text:?}");
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "1", "'a', $1, E'\\'', $$'$$, $a$ $$ $a$", "\"a\"\"b\".\"c\" /* /* */ */ -- '\n", "E'a'\n'b'", "U&'\\0061' || N'x' || B'1'",
        "e'a' -- x\n'\\\\', 1.5e3, \u{e9}e'\\'", "count(*) FROM t WHERE x IN (1, 2)", "a\0FROM t AS u (v)", "$1, $2$, a$b$",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
