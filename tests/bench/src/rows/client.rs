//! The size of `@postern/client` in an app that uses all of it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::{Figures, Other, Row, Target};

pub(super) const ROWS: &[Row] = &[Row {
    id: "client.size",
    what: "@postern/client with its dependencies, bundled and compressed",
    unit: "kB gzip",
    target: Target::OursAtMost(40.0),
    measure: |_| Box::pin(size()),
}];

/// Bundles the client as an app does, with its own script.
async fn size() -> Result<Figures> {
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/console");
    let mut npm = Command::new("npm");
    npm.args(["run", "--silent", "size", "--workspace", "packages/client"]).current_dir(console);
    let output = npm.output().await.context("cannot run npm")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let printed = String::from_utf8(output.stdout)?;
    Ok(Figures { ours: parse(&printed)?, other: Other::Nothing })
}

/// The figure in "client.size 34.3 kB gzip".
fn parse(printed: &str) -> Result<f64> {
    let mut words = printed.split_whitespace().skip_while(|word| *word != "client.size");
    let figure = words.nth(1).and_then(|word| word.parse().ok());
    figure.with_context(|| format!("the script printed no size: {printed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_what_the_script_prints() {
        assert!((parse("client.size 34.3 kB gzip\n").unwrap() - 34.3).abs() < f64::EPSILON);
        assert!(parse("").is_err() && parse("client.size kB").is_err());
    }
}
