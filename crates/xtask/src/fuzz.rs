//! `cargo xtask fuzz`: runs the targets of `tests/fuzz` under libFuzzer.
//!
//! The stable compiler can instrument the code, because coverage is an LLVM pass that only needs flags. All files are
//! in `target/fuzz`: the build, the inputs found so far (`corpus`), the inputs that fail (`artifacts`), and libFuzzer's
//! output (`logs`).

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
    /// Targets to run, by file name in tests/fuzz/src/targets; all by default.
    targets: Vec<String>,
    /// Time for each target, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run one target once, with the contents of this file as input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// The flags that cargo-fuzz uses: counters at every edge, and tracing of compared values.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // The pass needs a single codegen unit per crate.
    "-Ccodegen-units=1",
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let targets = chosen(&arguments.targets)?;
    if let Some(input) = &arguments.input {
        let [target] = targets.as_slice() else { bail!("--input needs exactly one target") };
        return Fuzzer::build()?.replay(target, input);
    }
    let (passed, failed) = run_each(&targets, arguments.seconds)?;
    ensure!(failed == 0, "{failed} of {} targets failed", passed + failed);
    Ok(())
}

/// Fuzzes every target for `seconds`. Returns how many passed and how many failed.
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

/// The targets with these names, or all of them if there are no names.
fn chosen(names: &[String]) -> Result<Vec<String>> {
    let all = all()?;
    match names.iter().find(|name| !all.contains(name)) {
        Some(unknown) => bail!("unknown target '{unknown}'; the targets are {}", all.join(", ")),
        None if names.is_empty() => Ok(all),
        None => Ok(names.to_vec()),
    }
}

/// The names of all targets: one per file, which a test in `tests/fuzz` enforces.
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

/// The targets, built with libFuzzer.
struct Fuzzer {
    binary: PathBuf,
    state: PathBuf,
}

impl Fuzzer {
    fn build() -> Result<Self> {
        say("building the fuzz targets (the first build takes a few minutes)");
        let state = target_dir().join("fuzz");
        let host = process::read("rustc", "--print=host-tuple").context("cannot find the host with rustc")?;
        let mut build =
            process::cargo(["build", "--quiet", "--package", "postern-fuzz", "--features", "libfuzzer"]);
        // With an explicit --target, the flags do not apply to build scripts.
        build.args(["--profile", "fuzz", "--target", &host, "--target-dir"]).arg(&state);
        build.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
        process::run(&mut build)?;
        Ok(Self { binary: state.join(host).join("fuzz/postern-fuzz"), state })
    }

    /// Fuzzes one target. Returns false if it found a failing input.
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
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let mut out = std::io::stdout();
        if status.success() {
            writeln!(out, "{target}: nothing found in {} runs", runs(&text).unwrap_or("?"))?;
        } else {
            writeln!(out, "{target}: FAILED ({status})\n{}", why(&text))?;
            writeln!(out, "the full output is in {}; to reproduce, run", log.display())?;
            writeln!(out, "    cargo xtask fuzz {target} --input {}", artifact(&text).unwrap_or("FILE"))?;
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

    /// Creates the folder of this kind for a target.
    fn folder(&self, kind: &str, target: &str) -> Result<PathBuf> {
        let folder = self.state.join(kind).join(target);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}

/// The number of runs in libFuzzer's final statistics.
fn runs(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).map(str::trim)
}

/// The path of the failing input, from libFuzzer's output.
fn artifact(text: &str) -> Option<&str> {
    text.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1))
}

/// The panic message, or the failure that libFuzzer detected: a timeout, or too much memory.
fn why(text: &str) -> String {
    let is_cause = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let from = text.lines().skip_while(|line| !is_cause(line));
    from.take_while(|line| !line.starts_with("NOTE:")).take(20).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_unknown_target_lists_the_known_ones() {
        let refusal = chosen(&["sael".to_owned()]).unwrap_err().to_string();
        assert!(refusal.contains("'sael'") && refusal.contains("seal, sealed"), "{refusal}");
        assert_eq!(chosen(&["key-ring".to_owned()]).unwrap(), ["key-ring"]);
    }

    #[test]
    fn libfuzzers_output_is_parsed() {
        let text = "INFO: x\n#9 DONE\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb: 56\n";
        assert_eq!(runs(text), Some("1234"));
        let wrote = "artifact_prefix='/a/'; Test unit written to /a/crash-1\nBase64: AA==\n";
        assert_eq!(artifact(wrote), Some("/a/crash-1"));
        let text = "#1 NEW\nthread 'x' panicked at a.rs:1:\nwhat\n==1== ERROR: libFuzzer: deadly signal\nNOTE: more\n";
        assert_eq!(why(text), "thread 'x' panicked at a.rs:1:\nwhat\n==1== ERROR: libFuzzer: deadly signal");
    }
}
