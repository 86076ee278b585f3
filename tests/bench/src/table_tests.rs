use super::*;
use crate::stage::Missing;

static ROW: Row = Row {
    id: "a.b.c1",
    what: "one against the other",
    unit: "requests/s",
    target: Target::AtLeast(6.0),
    measure: |_| unreachable!(),
};

fn line(ours: f64, other: Result<f64, Missing>) -> Line {
    Line { row: &ROW, figures: Ok(Figures { ours, other }) }
}

#[test]
fn columns_are_aligned_and_the_target_is_judged() {
    let text = print(&[line(18_000.4, Ok(3000.0)), line(1234.0, Ok(12.34))]);
    let expected = "\
id      what                   unit          ours  other   ratio  target  holds
a.b.c1  one against the other  requests/s  18,000  3,000    6.00  ≥ 6     yes
a.b.c1  one against the other  requests/s   1,234   12.3  100.00  ≥ 6     yes";
    assert_eq!(text, expected);
    assert!(print(&[line(17.9, Ok(3.0))]).ends_with("no"));
}

#[test]
fn a_bound_from_above_is_judged_the_other_way() {
    assert!(Target::AtMost(3.2).holds(3.2) && !Target::AtMost(3.2).holds(3.21));
    assert!(Target::AtLeast(0.85).holds(0.85) && !Target::AtLeast(0.85).holds(0.849));
}

#[test]
fn a_missing_peer_is_reported_without_a_ratio() {
    let lines = [line(5.0, Err(Missing::new("no network")))];
    let text = print(&lines);
    assert!(text.contains("not available (no network)") && text.ends_with('–'), "{text}");
    let parsed: Value = serde_json::from_str(&json(&lines)).unwrap();
    assert_eq!(parsed[0]["ours"], 5.0);
    assert_eq!(parsed[0]["reason"], "no network");
    assert!(parsed[0]["holds"].is_null());
}

#[test]
fn a_failed_row_is_reported_below_the_table() {
    let failed = Line { row: &ROW, figures: Err(anyhow::anyhow!("the response has 0 rows")) };
    let text = print(&[failed]);
    assert!(text.ends_with("a.b.c1: the response has 0 rows"), "{text}");
}
