//! Keeps the server's process: starts it, waits for it, ends it.

use std::{
    io::{self, BufRead},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::wait_until_ready;

/// Owns the server. Dropping it shuts the server down and waits for the end.
pub(super) struct Keeper {
    pid: Pid,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the server and returns when it is ready.
    ///
    /// The kernel signals a child when the thread that started it ends. A thread that lives exactly as long as the
    /// server therefore makes "when this process dies, however it dies" the same as "when the keeper is dropped".
    pub(super) fn spawn(command: Command) -> Result<Self> {
        let (tell, told) = mpsc::sync_channel(1);
        let thread =
            thread::Builder::new().name("postgres-keeper".into()).spawn(move || keep(command, &tell))?;
        let pid = told.recv().context("the keeper of Postgres ended early")??;
        Ok(Self { pid, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // SIGINT is Postgres' fast shutdown: it ends sessions, writes a checkpoint and stops.
        let _ = kill_process(self.pid, Signal::INT);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(command: Command, tell: &mpsc::SyncSender<Result<Pid>>) {
    match start(command) {
        Ok((mut child, log)) => {
            let _ = tell.send(Ok(Pid::from_child(&child)));
            for line in log.lines().map_while(io::Result::ok) {
                tracing::debug!(target: "postgres", "{line}");
            }
            let _ = child.wait();
        }
        Err(error) => drop(tell.send(Err(error))),
    }
}

fn start(mut command: Command) -> Result<(Child, impl BufRead)> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    end_with_this_thread(&mut command);
    let mut child = command.spawn().context("cannot run postgres")?;
    let log = child.stderr.take().context("postgres has no log")?;
    match wait_until_ready(log) {
        Ok(log) => Ok((child, log)),
        Err(error) => {
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Asks the kernel to send SIGINT to the child when this thread ends.
#[allow(
    unsafe_code,
    reason = "a closure between fork and exec; it makes one system call and touches no memory"
)]
fn end_with_this_thread(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl(PR_SET_PDEATHSIG) is async-signal-safe and allocates nothing.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::set_parent_process_death_signal(Some(Signal::INT))?));
    }
    // A process group of its own: a terminal's ctrl-C goes to us, and we stop the server when its users are done.
    command.process_group(0);
}
