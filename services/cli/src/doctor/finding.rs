//! Results of checks.

use std::fmt::{Display, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::failure::Failure;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// It works, but should be improved.
    Warn,
    /// It does not work, or is not safe.
    Fail,
    /// Not checked, because it is not configured.
    Skip,
}

/// The result of one check: a line of output.
#[derive(Serialize)]
pub(super) struct Finding {
    check: &'static str,
    state: State,
    message: String,
    /// How to fix it.
    advice: Option<String>,
}

/// All results, in the order of the checks.
#[derive(Default, Serialize)]
pub(super) struct Findings {
    checks: Vec<Finding>,
}

impl Finding {
    fn new(check: &'static str, state: State, message: impl Display) -> Self {
        Self { check, state, message: message.to_string(), advice: None }
    }

    pub(super) fn ok(check: &'static str, message: impl Display) -> Self {
        Self::new(check, State::Ok, message)
    }

    pub(super) fn skipped(check: &'static str, message: impl Display) -> Self {
        Self::new(check, State::Skip, message)
    }

    pub(super) fn failed(check: &'static str, message: impl Display) -> Self {
        Self::new(check, State::Fail, message)
    }

    /// A failed check, from the error that a command would report.
    pub(super) fn failure(check: &'static str, failure: Failure) -> Self {
        let (message, advice) = failure.into_parts();
        Self { advice, ..Self::failed(check, message) }
    }

    pub(super) fn warning(check: &'static str, message: impl Display) -> Self {
        Self::new(check, State::Warn, message)
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        self.checks.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.checks.extend(findings);
    }

    pub(super) fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|finding| finding.state == state).count()
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for Finding { check, state, message, advice } in &self.checks {
            let (word, style) = state.shown();
            let lines = message.lines().chain(advice.iter().flat_map(|advice| advice.lines()));
            for (number, line) in lines.enumerate() {
                let _ = match number {
                    0 => writeln!(text, "{style}{word:4}{style:#}  {check:14}  {line}"),
                    _ => writeln!(text, "{:22}{line}", ""),
                };
            }
        }
        text
    }
}

impl State {
    fn shown(self) -> (&'static str, Style) {
        let colored = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Ok => ("ok", colored(AnsiColor::Green)),
            Self::Warn => ("warn", colored(AnsiColor::Yellow)),
            Self::Fail => ("fail", colored(AnsiColor::Red)),
            Self::Skip => ("skip", Style::new().dimmed()),
        }
    }
}
