//! The benchmark table: compares Postern with what people would use instead.
//!
//! Each row answers one question with two figures, measured alternately in one run by the same closed-loop client
//! ([`client`]). Only their ratio is meaningful. Postern, the tenant's database and the peers run in separate processes
//! ([`stage`]). They are started by the first row that needs them and stopped at the end of the run.
//!
//! To add a row, add a value to one of the lists in [`rows`].

mod client;
mod pace;
mod rows;
mod stage;
mod table;

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use postern_chassis::memory::{WIPING, WipingAllocator};
use tokio::signal::unix::{SignalKind, signal};

use pace::Pace;
use rows::{Bench, Row};
use stage::Stage;
use table::Line;

/// The allocator of the services, because the client and the empty RPC stand in for two of them.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WIPING;

#[derive(Parser)]
#[command(name = "postern-bench")]
struct Arguments {
    /// Rows to run, by id or by prefix, for example `proxy.point`; all by default.
    ids: Vec<String>,
    /// Also write the table to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Length of each measured window, in seconds.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Instead of measuring, serve an empty RPC with the certificates in this folder.
    #[arg(long, hide = true, value_name = "DIR")]
    serve_empty: Option<PathBuf>,
    /// Instead of measuring, take traces and discard them.
    #[arg(long, hide = true)]
    serve_collector: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a window must be 0.1 to 600 seconds long".to_owned()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Some(certificates) = &arguments.serve_empty {
        return stage::serve_empty(certificates).await;
    }
    if arguments.serve_collector {
        return stage::collector::serve().await;
    }
    let rows = select(&arguments.ids)?;
    let bench = Bench { stage: Stage::new()?, pace: Pace::new(Duration::from_secs_f64(arguments.seconds)) };
    // Dropping the stage stops everything that was started, even after an error.
    let lines = tokio::select! {
        lines = measure(&bench, &rows) => lines,
        stopped = interrupted() => return stopped,
    };
    writeln!(std::io::stdout(), "{}", table::print(&lines))?;
    if let Some(file) = &arguments.json {
        let written = std::fs::write(file, table::json(&lines));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    let failed = lines.iter().filter(|line| line.figures.is_err()).count();
    ensure!(failed == 0, "{failed} of {} rows could not be measured", lines.len());
    Ok(())
}

/// The requested rows, in table order.
fn select(ids: &[String]) -> Result<Vec<&'static Row>> {
    let named = |row: &Row, id: &str| row.id == id || row.id.starts_with(&format!("{id}."));
    for id in ids {
        if !rows::all().any(|row| named(row, id)) {
            let known: Vec<_> = rows::all().map(|row| row.id).collect();
            bail!("unknown row {id}; the rows are {}", known.join(", "));
        }
    }
    Ok(rows::all().filter(|row| ids.is_empty() || ids.iter().any(|id| named(row, id))).collect())
}

/// Measures the rows one at a time, so that each has the machine to itself.
async fn measure(bench: &Bench, rows: &[&'static Row]) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in rows {
        say(&format!("==> {}", row.id));
        let figures = (row.measure)(bench).await;
        if let Err(error) = &figures {
            say(&format!("    {error:#}"));
        }
        lines.push(Line { row, figures });
    }
    lines
}

async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! { interrupt = tokio::signal::ctrl_c() => interrupt?, _ = terminate.recv() => {} }
    bail!("interrupted")
}

/// Prints a progress message to stderr; stdout is for the table.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_their_ids_and_by_first_words() {
        let ids = |wanted: &[&str]| -> Result<Vec<_>> {
            let wanted: Vec<_> = wanted.iter().map(|&id| id.to_owned()).collect();
            Ok(select(&wanted)?.iter().map(|row| row.id).collect())
        };
        assert_eq!(ids(&["proxy.point.c16"]).unwrap(), ["proxy.point.c16"]);
        assert_eq!(ids(&["crypto.token"]).unwrap(), ["crypto.token.cached", "crypto.token.cold"]);
        assert_eq!(ids(&[]).unwrap().len(), rows::all().count());
        assert!(ids(&["proxy.poin"]).unwrap_err().to_string().contains("connection.upsert.c16"));
    }
}
