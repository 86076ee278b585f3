//! `cargo xtask fuzz`: runs the targets of `tests/fuzz` under libFuzzer.
//!
//! The stable compiler instruments the code: coverage is a pass of LLVM, which needs flags and no nightly. Everything
//! is in `target/fuzz`: what is built, what was found so far (`corpus`), inputs that break something (`artifacts`), and
//! what libFuzzer has to say (`logs`).

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{process, root, say, up::target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Targets to run, by the names of their files in tests/fuzz/src/targets; all when left out.
    targets: Vec<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Runs one target with the input of this file, and nothing else.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// What cargo-fuzz passes, too: counters at every edge, and the operands of comparisons.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // The pass needs each crate in one piece.
    "-Ccodegen-units=1",
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let targets = chosen(&arguments.targets)?;
    if let Some(input) = &arguments.input {
        let [target] = targets.as_slice() else { bail!("--input is for one target; name it") };
        return Fuzzer::build()?.replay(target, input);
    }
    let (passed, failed) = run_each(&targets, arguments.seconds)?;
    ensure!(failed == 0, "{failed} of {} targets failed", passed + failed);
    Ok(())
}

/// Every target for so many seconds: how many found nothing, and how many did.
pub(crate) fn run_all(seconds: u32) -> Result<(u64, u64)> {
    run_each(&chosen(&[])?, seconds)
}

fn run_each(targets: &[String], seconds: u32) -> Result<(u64, u64)> {
    let fuzzer = Fuzzer::build()?;
    let (mut passed, mut failed) = (0, 0);
    for target in targets {
        if fuzzer.run(target, seconds)? { passed += 1 } else { failed += 1 }
    }
    Ok((passed, failed))
}

/// The targets of these names; all of them for no names.
fn chosen(names: &[String]) -> Result<Vec<String>> {
    let all = all()?;
    match names.iter().find(|name| !all.contains(name)) {
        Some(unknown) => bail!("there is no target '{unknown}'; the targets are {}", all.join(", ")),
        None if names.is_empty() => Ok(all),
        None => Ok(names.to_vec()),
    }
}

/// Each file is a target; a test of the package holds that.
fn all() -> Result<Vec<String>> {
    let folder = package().join("src/targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
        if name != "mod" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn package() -> PathBuf {
    root().join("tests/fuzz")
}

/// The targets, built with what libFuzzer needs.
struct Fuzzer {
    binary: PathBuf,
    state: PathBuf,
}

impl Fuzzer {
    fn build() -> Result<Self> {
        say("building the fuzz targets (the first time takes some minutes)");
        let state = target_dir().join("fuzz");
        let host = process::read("rustc", "--print=host-tuple").context("rustc does not tell its host")?;
        let mut build =
            process::cargo(["build", "--quiet", "--package", "postern-fuzz", "--features", "libfuzzer"]);
        // With a target named, the flags are for it alone and not for build scripts.
        build.args(["--profile", "fuzz", "--target", &host, "--target-dir"]).arg(&state);
        build.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
        process::run(&mut build)?;
        Ok(Self { binary: state.join(host).join("fuzz/postern-fuzz"), state })
    }

    /// Looks for inputs that break something. False: there is one.
    fn run(&self, target: &str, seconds: u32) -> Result<bool> {
        let corpus = self.folder("corpus", target)?;
        let seeds = self.folder("seeds", target)?;
        let artifacts = self.folder("artifacts", target)?;
        let log = self.folder("logs", "")?.join(format!("{target}.log"));
        let mut fuzzer = self.command(target);
        fuzzer.env("POSTERN_FUZZ_SEEDS", &seeds).arg(&corpus).arg(&seeds);
        fuzzer.args(Some(package().join("corpus").join(target)).filter(|committed| committed.is_dir()));
        fuzzer
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        fuzzer.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let status = fuzzer.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).status()?;
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let mut out = std::io::stdout();
        if status.success() {
            writeln!(out, "{target}: nothing found in {} runs", runs(&said).unwrap_or("?"))?;
        } else {
            writeln!(out, "{target}: FAILED ({status})\n{}", why(&said))?;
            writeln!(out, "all that was said is in {}; run it again with", log.display())?;
            writeln!(out, "    cargo xtask fuzz {target} --input {}", artifact(&said).unwrap_or("FILE"))?;
        }
        Ok(status.success())
    }

    fn replay(&self, target: &str, input: &Path) -> Result<()> {
        process::run(self.command(target).arg(input))
    }

    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("POSTERN_FUZZ_TARGET", target).env("RUST_BACKTRACE", "0");
        command
    }

    /// A folder of this kind for a target.
    fn folder(&self, kind: &str, target: &str) -> Result<PathBuf> {
        let folder = self.state.join(kind).join(target);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}

/// The number in libFuzzer's closing words.
fn runs(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).map(str::trim)
}

/// Where the input was written that broke something.
fn artifact(said: &str) -> Option<&str> {
    said.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1))
}

/// The panic, or what libFuzzer noticed itself: a timeout, too much memory.
fn why(said: &str) -> String {
    let tells = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let from = said.lines().skip_while(|line| !tells(line));
    from.take_while(|line| !line.starts_with("NOTE:")).take(20).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_is_answered_with_the_known_ones() {
        let refusal = chosen(&["sael".to_owned()]).unwrap_err().to_string();
        assert!(refusal.contains("'sael'") && refusal.contains("seal, sealed"), "{refusal}");
        assert_eq!(chosen(&["key-ring".to_owned()]).unwrap(), ["key-ring"]);
    }

    #[test]
    fn the_closing_words_are_read() {
        let said = "INFO: x\n#9 DONE\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 56\n";
        assert_eq!(runs(said), Some("1234"));
        let wrote = "artifact_prefix='/a/'; Test unit written to /a/crash-1\nBase64: AA==\n";
        assert_eq!(artifact(wrote), Some("/a/crash-1"));
        let said = "#1 NEW\nthread 'x' panicked at a.rs:1:\nwhat\n==1== ERROR: libFuzzer: deadly signal\nNOTE: more\n";
        assert_eq!(why(said), "thread 'x' panicked at a.rs:1:\nwhat\n==1== ERROR: libFuzzer: deadly signal");
    }
}
