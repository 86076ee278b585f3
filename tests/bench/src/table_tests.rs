use super::*;
use crate::stage::Missing;

static ROW: Row = row(Target::AtLeast(6.0));

const fn row(target: Target) -> Row {
    Row {
        id: "a.b.c1",
        what: "one against the other",
        unit: "requests/s",
        target,
        measure: |_| unreachable!(),
    }
}

fn line(ours: f64, other: Other) -> Line {
    Line { row: &ROW, figures: Ok(Figures { ours, other }) }
}

#[test]
fn columns_are_aligned_and_the_target_is_judged() {
    let text = print(&[line(18_000.4, Other::Figure(3000.0)), line(1234.0, Other::Figure(12.34))]);
    let expected = "\
id      what                   unit          ours  other   ratio  target  holds
a.b.c1  one against the other  requests/s  18,000  3,000    6.00  ≥ 6     yes
a.b.c1  one against the other  requests/s   1,234   12.3  100.00  ≥ 6     yes";
    assert_eq!(text, expected);
    assert!(print(&[line(17.9, Other::Figure(3.0))]).ends_with("no"));
}

#[test]
fn each_kind_of_target_is_judged_by_its_own_figure() {
    static AT_MOST: Row = row(Target::AtMost(3.2));
    static ADDS: Row = row(Target::AddsAtMost(0.5));
    static OURS: Row = row(Target::OursAtMost(200.0));
    let holds = |row: &'static Row, ours, other| Line { row, figures: Ok(Figures { ours, other }) }.holds();
    assert_eq!(holds(&ROW, 6.0, Other::Figure(1.0)), Some(true));
    assert_eq!(holds(&ROW, 5.99, Other::Figure(1.0)), Some(false));
    assert_eq!(holds(&AT_MOST, 3.2, Other::Figure(1.0)), Some(true));
    assert_eq!(holds(&AT_MOST, 3.21, Other::Figure(1.0)), Some(false));
    assert_eq!(holds(&ADDS, 9.5, Other::Figure(9.0)), Some(true));
    assert_eq!(holds(&ADDS, 9.6, Other::Figure(9.0)), Some(false));
    assert_eq!(holds(&ADDS, 0.1, Other::Missing(Missing::new("no network"))), None);
    assert_eq!(holds(&OURS, 200.0, Other::Nothing), Some(true));
    assert_eq!(holds(&OURS, 200.1, Other::Nothing), Some(false));
}

#[test]
fn a_row_without_another_side_has_no_ratio() {
    static OURS: Row = row(Target::OursAtMost(40.0));
    let lines = [Line { row: &OURS, figures: Ok(Figures { ours: 39.26, other: Other::Nothing }) }];
    let text = print(&lines);
    assert!(text.ends_with("39.3      –      –  ours ≤ 40  yes"), "{text}");
    let parsed: Value = serde_json::from_str(&json(&lines)).unwrap();
    assert!(parsed[0]["other"].is_null() && parsed[0]["reason"].is_null());
    assert_eq!(parsed[0]["holds"], true);
}

#[test]
fn a_missing_peer_is_reported_without_a_ratio() {
    let lines = [line(5.0, Other::Missing(Missing::new("no network")))];
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
