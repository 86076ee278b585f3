//! `/dev/traces`: the last traces and rates, for a developer. `/dev/metrics`: what Prometheus would read.

use std::{collections::BTreeMap, fmt::Write};

use axum::{Router, middleware, response::Html, routing::get};
use http::header::{CONTENT_SECURITY_POLICY, HeaderName};
use postern_chassis::{
    Metrics,
    trace::recent::{Recent, RecentSpan},
};

use crate::dev_routes::from_this_machine;

/// Traces that the page shows.
const TRACES: usize = 30;

/// Depth of a trace's tree that is shown.
const DEPTH: usize = 16;

/// A span id that no span has: the parent of a trace's first span.
const NONE: &str = "0000000000000000";

/// The page with the traces has its styles inside, and nothing else.
const POLICY: [(HeaderName, &str); 1] =
    [(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'")];

/// The pages, for this machine with `port` only. Without `recent`, the one with the traces says how to get them.
pub(crate) fn routes(recent: Option<Recent>, port: u16) -> Router {
    let metrics = Metrics::default();
    Router::new()
        .route("/dev/traces", get(async move || (POLICY, Html(page(recent.as_ref().map(Recent::spans))))))
        .route("/dev/metrics", get(async move || metrics.render()))
        .route_layer(middleware::from_fn_with_state(port, from_this_machine))
}

/// The names are ours, and need no escaping.
fn page(spans: Option<Vec<RecentSpan>>) -> String {
    const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Traces · Postern</title>\
        <style>body{font:14px system-ui;margin:2rem}table{border-collapse:collapse}td,th{padding:.2rem .8rem;\
        text-align:left}td:nth-child(n+2){text-align:right}.failed{color:#c00}</style>";
    let Some(spans) = spans else {
        return format!("{HEAD}<p>Traces are kept by <code>postern-standalone --traces</code> only.");
    };
    format!("{HEAD}<h1>Rates</h1>{}<h1>Last traces</h1>{}", rates(&spans), traces(&spans))
}

/// Of each kind of span: how many were kept, how many failed, and how long they took.
fn rates(spans: &[RecentSpan]) -> String {
    let mut by_name: BTreeMap<&str, (usize, Vec<u64>)> = BTreeMap::new();
    for span in spans {
        let (failed, durations) = by_name.entry(&span.name).or_default();
        *failed += usize::from(span.failed);
        durations.push(span.duration_us);
    }
    let mut rows = String::new();
    for (name, (failed, mut durations)) in by_name {
        durations.sort_unstable();
        let (count, median) = (durations.len(), durations[durations.len() / 2]);
        let slowest = durations[durations.len() - 1];
        let _ = write!(
            rows,
            "<tr><td>{name}<td>{count}<td>{failed}<td>{}<td>{}",
            millis(median),
            millis(slowest)
        );
    }
    format!("<table><tr><th>span<th>count<th>failed<th>median<th>slowest{rows}</table>")
}

/// The newest first.
fn traces(spans: &[RecentSpan]) -> String {
    let known = |id: &str| spans.iter().any(|span| span.id == id);
    let roots = spans.iter().rev().filter(|span| span.parent == NONE || !known(&span.parent));
    let mut text = String::new();
    for root in roots.take(TRACES) {
        let _ = write!(text, "<h2>{}</h2><table>", root.trace);
        tree(&mut text, spans, root, root.started_us, 0);
        text.push_str("</table>");
    }
    text
}

fn tree(text: &mut String, spans: &[RecentSpan], span: &RecentSpan, since: u64, depth: usize) {
    let indent = "&emsp;".repeat(depth);
    let class = if span.failed { " class=failed" } else { "" };
    let (start, took) = (millis(span.started_us.saturating_sub(since)), millis(span.duration_us));
    let _ = write!(text, "<tr{class}><td>{indent}{}<td>+{start}<td>{took}", span.name);
    if depth < DEPTH {
        let mut children: Vec<_> = spans.iter().filter(|child| child.parent == span.id).collect();
        children.sort_by_key(|child| child.started_us);
        for child in children {
            tree(text, spans, child, since, depth + 1);
        }
    }
}

fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, name: &str, started_us: u64) -> RecentSpan {
        let [trace, id, parent, name] = ["0af7", id, parent, name].map(str::to_owned);
        RecentSpan { trace, id, parent, name, started_us, duration_us: 1500, failed: false }
    }

    #[test]
    fn a_trace_is_a_tree_in_the_order_of_time() {
        let spans = vec![
            span("3", "1", "statement", 30),
            span("2", "1", "look up", 20),
            span("1", NONE, "Query", 10),
        ];
        let text = page(Some(spans));
        let at = |text: &str, part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
        let traces = &text[at(&text, "Last traces")..];
        assert!(at(traces, "<td>Query") < at(traces, "<td>&emsp;look up"));
        assert!(at(traces, "&emsp;look up") < at(traces, "&emsp;statement"));
        assert_eq!(traces.matches("<h2>").count(), 1, "one trace: {traces}");
        assert!(text.contains("<td>Query<td>1<td>0<td>1.50 ms"), "{text}");
    }
}
