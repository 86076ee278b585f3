//! Runs a server in a separate process.

use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to become ready.
const START: Duration = Duration::from_mins(1);

/// How long a server may take to exit after it was asked to.
const STOP: Duration = Duration::from_secs(10);

/// A running server. Dropping it asks the process to exit, waits, and kills it if it does not.
pub(crate) struct Process {
    child: Child,
    /// Kept open, so that the process can keep writing.
    _stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a server and waits for a line with `ready` on its stdout. Returns the rest of that line. Its stderr goes
    /// to a file in `folder`, and is part of the error if the server does not become ready.
    pub(crate) async fn start(
        mut command: Command,
        ready: &'static str,
        folder: &Path,
    ) -> Result<(Self, String)> {
        let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_owned();
        let log = folder.join(&program).with_extension("stderr");
        let stderr = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = spawned.with_context(|| format!("cannot run {}", program.display()))?;
        let stdout = child.stdout.take().context("the child has no stdout")?;
        let mut starting = Starting(Some(child));
        let reading = tokio::task::spawn_blocking(move || wait_for(ready, stdout));
        let waited = tokio::time::timeout(START, reading).await;
        let read = waited.with_context(|| format!("{} is not ready after a minute", program.display()))??;
        match (read, starting.0.take()) {
            (Ok((stdout, rest)), Some(child)) => Ok((Self { child, _stdout: stdout }, rest)),
            (_, child) => {
                starting.0 = child;
                let errors = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("{} ended: {}", program.display(), errors.trim())
            }
        }
    }
}

impl Process {
    /// Bytes of memory that the process has.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        Ok(kibibytes.context("the process has ended")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// A process that is not ready yet. Dropping it stops the process, too.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            stop(child);
        }
    }
}

fn wait_for(ready: &str, stdout: ChildStdout) -> std::io::Result<(BufReader<ChildStdout>, String)> {
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    while stdout.read_line(&mut line)? > 0 {
        if let Some((_, rest)) = line.split_once(ready) {
            return Ok((stdout, rest.trim().to_owned()));
        }
        line.clear();
    }
    Err(ErrorKind::UnexpectedEof.into())
}

fn stop(child: &mut Child) {
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let until = Instant::now() + STOP;
    while Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_server_is_ready_when_it_prints_so_and_is_stopped_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let server = shell("echo starting; echo ready: here; exec sleep 600");
        let (process, rest) = Process::start(server, "ready:", folder.path()).await.unwrap();
        assert_eq!(rest, "here");
        let pid = Pid::from_child(&process.child);
        drop(process);
        assert!(rustix::process::test_kill_process(pid).is_err(), "it still runs");
    }

    #[tokio::test]
    async fn a_server_that_ends_early_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let error = Process::start(shell("echo no port >&2"), "ready", folder.path()).await.err().unwrap();
        assert_eq!(error.to_string(), "sh ended: no port");
    }
}
