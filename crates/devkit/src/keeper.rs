//! Runs a server as a child process: starts it, logs its output, and stops it.

use std::{
    io::{self, BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

/// Owns a server process. Dropping it stops the server and waits until it has exited.
pub struct Keeper {
    pid: Pid,
    stop: Signal,
    thread: Option<JoinHandle<Option<ExitStatus>>>,
}

impl Keeper {
    /// Starts the server, and returns when `ready`, which reads the server's stderr, returns. Later output on stderr is
    /// logged under `name`. `stop` is the signal that stops the server.
    ///
    /// The kernel signals the server when the thread that started it ends. That thread lives as long as the keeper, so
    /// the server is also stopped if this process is killed.
    pub fn spawn<F>(name: &'static str, command: Command, stop: Signal, ready: F) -> Result<Self>
    where
        F: FnOnce(&mut BufReader<ChildStderr>) -> Result<()> + Send + 'static,
    {
        let (tell, told) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name(format!("{name}-keeper"));
        let thread = thread.spawn(move || keep(name, command, stop, ready, &tell))?;
        let pid = told.recv().with_context(|| format!("the keeper of {name} ended early"))??;
        Ok(Self { pid, stop, thread: Some(thread) })
    }

    /// Stops the server, and returns how it exited.
    pub fn stop(mut self) -> Option<ExitStatus> {
        self.end()
    }

    /// Waits until the server exits by itself, and returns how it did.
    pub fn wait(mut self) -> Option<ExitStatus> {
        self.thread.take()?.join().ok().flatten()
    }

    /// Stops the server's execution until [`Self::resume`]: its connections stay open, and nothing answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        // If the server has exited by itself, another process may have its id.
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            let _ = kill_process(self.pid, signal);
        }
    }

    fn end(&mut self) -> Option<ExitStatus> {
        self.signal(self.stop);
        // A paused server handles no signal.
        self.resume();
        self.thread.take()?.join().ok().flatten()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep<F>(
    name: &str,
    command: Command,
    stop: Signal,
    ready: F,
    tell: &mpsc::SyncSender<Result<Pid>>,
) -> Option<ExitStatus>
where
    F: FnOnce(&mut BufReader<ChildStderr>) -> Result<()>,
{
    match start(name, command, stop, ready) {
        Ok((mut child, log)) => {
            let _ = tell.send(Ok(Pid::from_child(&child)));
            for line in log.lines().map_while(io::Result::ok) {
                tracing::debug!(server = name, "{line}");
            }
            child.wait().ok()
        }
        Err(error) => {
            drop(tell.send(Err(error)));
            None
        }
    }
}

fn start<F>(
    name: &str,
    mut command: Command,
    stop: Signal,
    ready: F,
) -> Result<(Child, BufReader<ChildStderr>)>
where
    F: FnOnce(&mut BufReader<ChildStderr>) -> Result<()>,
{
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    end_with_this_thread(&mut command, stop);
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    let mut log = BufReader::new(child.stderr.take().with_context(|| format!("{name} has no log"))?);
    match ready(&mut log) {
        Ok(()) => Ok((child, log)),
        Err(error) => {
            let _ = kill_process(Pid::from_child(&child), stop);
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Makes the kernel send the signal to the child when this thread ends.
#[allow(
    unsafe_code,
    reason = "a closure between fork and exec; it makes one system call and touches no memory"
)]
fn end_with_this_thread(command: &mut Command, stop: Signal) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl(PR_SET_PDEATHSIG) is async-signal-safe and allocates nothing.
    unsafe {
        command.pre_exec(move || Ok(rustix::process::set_parent_process_death_signal(Some(stop))?));
    }
    // A separate process group, so that Ctrl-C in a terminal reaches only this process, which stops the server last.
    command.process_group(0);
}
