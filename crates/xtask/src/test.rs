//! `cargo xtask test`: sets up what the tests need, runs all of them, and prints the total counts.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{chromium, console, debian, fuzz, process, root, say, up::target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Also run each fuzz target for 20 seconds.
    #[arg(long)]
    all: bool,
    /// Replace the README's screenshot.
    #[arg(long)]
    screenshot: bool,
}

/// Long enough for a target to reach most of the code that its seeds lead to.
const FUZZ_SECONDS: u32 = 20;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    console::build()?;
    console::build_example()?;
    let chromium = chromium::ensure()?;
    // The embedded Postgres has no program for dumps, which the restore test makes.
    debian::ensure("pg_dump", "postgresql")?;
    let browser = root().join("tests/browser");
    console::install_in(&browser)?;
    let scratch = Scratch::new()?;

    let mut count = Count::default();
    say("Rust tests");
    count.add(rust(&scratch)?, "Rust");
    say("console tests");
    count.add(console::test()?, "console");
    say("browser tests");
    count.add(in_browser(&browser, &chromium, &scratch, arguments.screenshot)?, "browser");
    if arguments.all {
        say("fuzz targets");
        let (passed, failed) = fuzz::run_all(FUZZ_SECONDS)?;
        count.passed += passed;
        count.failed += failed;
    }

    let Count { passed, failed, skipped } = count;
    writeln!(std::io::stdout(), "\ntests: {passed} passed, {failed} failed, {skipped} skipped")?;
    ensure!(failed == 0, "{failed} failed");
    ensure!(passed > 0, "no test ran");
    Ok(())
}

fn rust(scratch: &Scratch) -> Result<(String, bool)> {
    let mut tests = process::cargo(["test", "--workspace", "--no-fail-fast"]);
    // Log as much as possible, because one test searches the logs for secrets.
    process::run_and_read(tests.env("POSTERN_TEST_DIR", &scratch.0).env("POSTERN_LOG", "debug"))
}

/// Runs Playwright against a Postern and a tenant's server that run only during the tests.
fn in_browser(dir: &Path, chromium: &Path, scratch: &Scratch, screenshot: bool) -> Result<(String, bool)> {
    process::run(&mut process::cargo([
        "build",
        "--quiet",
        "--package",
        "postern-testkit",
        "--example",
        "stage",
    ]))?;
    process::run(&mut process::cargo(["build", "--quiet", "--package", "postern-cli"]))?;
    let mut tests = Command::new(target_dir().join("debug/examples/stage"));
    tests.args(["npm", "run", "--silent", "test"]).current_dir(dir);
    tests
        .env("POSTERN_CHROMIUM", chromium)
        .env("POSTERN_TEST_DIR", &scratch.0)
        .env("POSTERN_CONSOLE", console::dist());
    if screenshot {
        tests.env("POSTERN_SCREENSHOT", "1");
    }
    process::run_and_read(&mut tests)
}

/// Numbers of tests, by outcome.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Count {
    /// Adds the counts in a runner's output. A runner that fails without reporting a failed test counts as one failure.
    fn add(&mut self, (text, succeeded): (String, bool), runner: &str) {
        let before = self.failed;
        for line in text.lines() {
            self.add_line(line);
        }
        if !succeeded && self.failed == before {
            say(&format!("the {runner} tests did not complete"));
            self.failed += 1;
        }
    }

    /// Parses a summary line: `test result: ok. 3 passed; 0 failed; 1 ignored; …` from cargo, or
    /// `NAME: 3 passed, 0 failed, 1 skipped` from the others.
    fn add_line(&mut self, line: &str) {
        let closing = line.starts_with("test result:")
            || line.starts_with("console: ")
            || line.starts_with("browser: ");
        if !closing {
            return;
        }
        let words: Vec<_> = line.split([' ', ';', ',', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "skipped" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// A temporary folder for the servers of one run. Other users can enter it, because root's Postgres runs as another
/// user.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("postern-test-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_lines_are_counted() {
        let mut count = Count::default();
        let text = "test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.05s\n\
                    browser: 4 passed, 0 failed, 1 skipped\nnoise: 9 passed, 9 failed\n";
        count.add((text.to_owned(), false), "Rust");
        assert_eq!((count.passed, count.failed, count.skipped), (7, 1, 3));
    }

    #[test]
    fn a_runner_that_crashes_is_a_failure() {
        let mut count = Count::default();
        count.add(("error: could not compile".to_owned(), false), "Rust");
        assert_eq!((count.passed, count.failed), (0, 1));
    }
}
