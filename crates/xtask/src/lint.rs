//! `cargo xtask lint`: formatting, lints and protos.

use std::process::Command;

use anyhow::Result;

use crate::{console, manifests, process, root, say};

pub(crate) fn run() -> Result<()> {
    say("rustfmt");
    process::run(&mut process::cargo(["fmt", "--all", "--check"]))?;
    say("clippy");
    process::run(&mut process::cargo([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        // Otherwise the harness of the fuzz targets is only built together with libFuzzer.
        "--features",
        "postern-fuzz/harness",
        "--",
        "-D",
        "warnings",
    ]))?;
    say("the console: biome and tsc");
    console::install()?;
    console::npm("lint")?;
    for (what, folder) in
        [("the browser tests", "tests/browser"), ("the table of supabase-js calls", "tests/supabase")]
    {
        say(&format!("{what}: biome and tsc"));
        let folder = root().join(folder);
        console::install_in(&folder)?;
        process::run(Command::new("npm").args(["run", "--silent", "lint"]).current_dir(folder))?;
    }
    say("the protos: buf lint, and buf breaking against the branch main");
    console::npm("lint:proto")?;
    console::npm("breaking:proto")?;
    manifests::lint()?;
    dependencies()
}

/// Runs cargo-deny only if it is installed, because building it takes minutes: `cargo install cargo-deny`.
fn dependencies() -> Result<()> {
    if process::read("cargo-deny", "--version").is_none() {
        say("cargo-deny is not installed, so licenses, bans and sources were not checked");
        return Ok(());
    }
    say("cargo-deny");
    process::run(&mut process::cargo(["deny", "check", "bans", "licenses", "sources"]))
}
