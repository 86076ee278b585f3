//! Prints the table as text and as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde_json::{Value, json};

use crate::rows::{Figures, Other, Row, Target};

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
    let ours = line.ours().map_or(NOTHING.to_owned(), figure);
    let other = match line.figures.as_ref().map(|figures| &figures.other) {
        Ok(Other::Figure(other)) => figure(*other),
        Ok(Other::Missing(missing)) => format!("not available ({missing})"),
        Ok(Other::Nothing) => NOTHING.to_owned(),
        Err(_) => "failed".to_owned(),
    };
    let ratio = line.ratio().map_or(NOTHING.to_owned(), |ratio| format!("{ratio:.2}"));
    let holds = line.holds().map_or(NOTHING, |holds| if holds { "yes" } else { "no" });
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

/// The table as JSON: a list of objects with the columns as keys. `other` and `ratio` are null if there is no other
/// side or it is not available; `holds` is null, too, if the target needs it. `ours` is null if the row failed.
/// `reason` says why something is missing.
pub(crate) fn json(lines: &[Line]) -> String {
    let list: Vec<_> = lines.iter().map(object_of).collect();
    format!("{:#}\n", Value::from(list))
}

fn object_of(line: &Line) -> Value {
    let Row { id, what, unit, target, .. } = line.row;
    let reason = match &line.figures {
        Ok(Figures { other: Other::Missing(missing), .. }) => Some(missing.to_string()),
        Ok(_) => None,
        Err(error) => Some(format!("{error:#}")),
    };
    json!({
        "id": id, "what": what, "unit": unit, "ours": line.ours(), "other": line.other(), "ratio": line.ratio(),
        "target": target.to_string(), "holds": line.holds(), "reason": reason,
    })
}

impl Line {
    fn ours(&self) -> Option<f64> {
        self.figures.as_ref().ok().map(|figures| figures.ours)
    }

    fn other(&self) -> Option<f64> {
        match self.figures.as_ref().ok()?.other {
            Other::Figure(other) => Some(other),
            Other::Missing(_) | Other::Nothing => None,
        }
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.ours()? / self.other()?)
    }

    /// Whether the target is reached, if that can be said.
    fn holds(&self) -> Option<bool> {
        match self.row.target {
            Target::AtLeast(bound) => Some(self.ratio()? >= bound),
            Target::AtMost(bound) => Some(self.ratio()? <= bound),
            Target::AddsAtMost(bound) => Some(self.ours()? - self.other()? <= bound),
            Target::OursAtMost(bound) => Some(self.ours()? <= bound),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AddsAtMost(bound) => write!(f, "ours ≤ other + {bound}"),
            Self::OursAtMost(bound) => write!(f, "ours ≤ {bound}"),
        }
    }
}

/// Formats a figure: two decimal places below 10, one below 100, otherwise an integer with commas between thousands.
fn figure(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
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
