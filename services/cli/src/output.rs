//! Results on stdout: text for people, or JSON.

use std::{
    fmt::Write as _,
    io::{ErrorKind, Write as _},
};

use anstyle::Style;
use serde::Serialize;

use crate::failure::Failure;

/// The format of results.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub json: bool,
}

impl Output {
    /// Writes `data` as JSON, or the result of `text`.
    pub(crate) fn print(self, data: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string_pretty(data).map_err(anyhow::Error::from)?;
            write(&format!("{json}\n"))
        } else {
            write(&text())
        }
    }
}

/// Writes to stdout, with styles only on a terminal and unless `NO_COLOR` is set. A closed pipe is not an error.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A table with a bold header. Each column is as wide as its widest cell.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let bold = Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}\n", line(&widths, head));
    for row in rows {
        text += &line(&widths, row.each_ref().map(String::as_str));
        text.push('\n');
    }
    text
}

fn line<const N: usize>(widths: &[usize; N], cells: [&str; N]) -> String {
    let mut line = String::new();
    for (width, cell) in widths.iter().zip(cells) {
        let _ = write!(line, "{cell:width$}  ");
    }
    line.trim_end().to_owned()
}

/// A number with its noun: `1 seal`, `2 seals`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["1".to_owned(), "primary".to_owned()], ["12".to_owned(), "staged".to_owned()]];
        let plain = anstream::adapter::strip_str(&table(["id", "state"], &rows)).to_string();
        assert_eq!(plain, "id  state\n1   primary\n12  staged\n");
    }
}
