//! Runs other programs.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, ensure};

use crate::root;

/// The cargo that runs this xtask, in the workspace root.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to completion and shows its output. Fails if the command fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", name(command)))?;
    ensure!(status.success(), "{} failed ({status})", name(command));
    Ok(())
}

/// Runs a command to completion. Its output is part of the error if it fails, and is otherwise discarded.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", name(command)))?;
    let printed =
        || [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
    ensure!(output.status.success(), "{} failed ({})\n{}", name(command), output.status, printed().trim());
    Ok(())
}

/// Runs a command to completion and shows its output. Returns its stdout, and whether it succeeded.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(String, bool)> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("cannot run {}", name(command)))?;
    let stdout = child.stdout.take().context("the child has no stdout")?;
    let reader = thread::spawn(move || tee(stdout));
    let status = child.wait()?;
    let text = reader.join().ok().context("cannot read the child's stdout")?;
    Ok((text, status.success()))
}

fn tee(from: impl Read) -> String {
    let mut text = String::new();
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        let _ = writeln!(std::io::stdout(), "{line}");
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// A program's stdout; `None` if it cannot be run or fails.
pub(crate) fn read(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// [`read`] with several arguments, in the workspace root.
pub(crate) fn read_in_root(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(root()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
