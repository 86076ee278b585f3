//! Prints the table as text and as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde_json::{Value, json};

use crate::rows::{Figures, Row, Target};

/// A row and its outcome.
pub(crate) struct Line {
    pub row: &'static Row,
    pub figures: Result<Figures>,
}

const COLUMNS: [&str; 8] = ["id", "what", "unit", "ours", "other", "ratio", "target", "holds"];

/// The text of an empty cell.
const NOTHING: &str = "–";

/// The table as text. Columns are as wide as their widest cell; figures are right-aligned.
pub(crate) fn print(lines: &[Line]) -> String {
    let mut cells = vec![COLUMNS.map(str::to_owned)];
    cells.extend(lines.iter().map(cells_of));
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &cells {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let padded = if (3..=5).contains(&column) {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:<width$}  ")
            };
            text.push_str(&padded);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for line in lines {
        if let Err(error) = &line.figures {
            let _ = writeln!(text, "{}: {error:#}", line.row.id);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn cells_of(line: &Line) -> [String; 8] {
    let Row { id, what, unit, target, .. } = line.row;
    let (ours, other) = match &line.figures {
        Ok(Figures { ours, other: Ok(other) }) => (figure(*ours), figure(*other)),
        Ok(Figures { ours, other: Err(missing) }) => (figure(*ours), format!("not available ({missing})")),
        Err(_) => (NOTHING.to_owned(), "failed".to_owned()),
    };
    let ratio = line.ratio().map_or(NOTHING.to_owned(), |ratio| format!("{ratio:.2}"));
    let holds = line.ratio().map_or(NOTHING, |ratio| if target.holds(ratio) { "yes" } else { "no" });
    [
        id.to_string(),
        what.to_string(),
        unit.to_string(),
        ours,
        other,
        ratio,
        target.to_string(),
        holds.to_owned(),
    ]
}

/// The table as JSON: a list of objects with the columns as keys. `other`, `ratio` and `holds` are null if the peer is
/// not available; `ours` is null, too, if the row failed. `reason` says why.
pub(crate) fn json(lines: &[Line]) -> String {
    let list: Vec<_> = lines.iter().map(object_of).collect();
    format!("{:#}\n", Value::from(list))
}

fn object_of(line: &Line) -> Value {
    let Row { id, what, unit, target, .. } = line.row;
    let (ours, other, reason) = match &line.figures {
        Ok(Figures { ours, other: Ok(other) }) => (Some(*ours), Some(*other), None),
        Ok(Figures { ours, other: Err(missing) }) => (Some(*ours), None, Some(missing.to_string())),
        Err(error) => (None, None, Some(format!("{error:#}"))),
    };
    let ratio = line.ratio();
    json!({
        "id": id, "what": what, "unit": unit, "ours": ours, "other": other, "ratio": ratio,
        "target": target.to_string(), "holds": ratio.map(|ratio| target.holds(ratio)), "reason": reason,
    })
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        let figures = self.figures.as_ref().ok()?;
        Some(figures.ours / figures.other.as_ref().ok()?)
    }
}

impl Target {
    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

/// Formats a figure: one decimal place below 100, otherwise an integer with commas between thousands.
fn figure(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
