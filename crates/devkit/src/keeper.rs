//! Keeps a server's process: starts it, follows its log, ends it.

use std::{
    io::{self, BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

/// Owns a server. Dropping it stops the server and waits for its end.
pub struct Keeper {
    pid: Pid,
    stop: Signal,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the server, and returns when `ready` does, which reads its standard error. What the server writes there
    /// later is logged under `name`. `stop` is the signal that ends it.
    ///
    /// The kernel signals a child when the thread that started it ends. A thread that lives exactly as long as the
    /// server therefore makes "when this process dies, however it dies" the same as "when the keeper is dropped".
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
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // Once the server has ended by itself, its number may be another's.
        if !thread.is_finished() {
            let _ = kill_process(self.pid, self.stop);
        }
        let _ = thread.join();
    }
}

fn keep<F>(name: &str, command: Command, stop: Signal, ready: F, tell: &mpsc::SyncSender<Result<Pid>>)
where
    F: FnOnce(&mut BufReader<ChildStderr>) -> Result<()>,
{
    match start(name, command, stop, ready) {
        Ok((mut child, log)) => {
            let _ = tell.send(Ok(Pid::from_child(&child)));
            for line in log.lines().map_while(io::Result::ok) {
                tracing::debug!(server = name, "{line}");
            }
            let _ = child.wait();
        }
        Err(error) => drop(tell.send(Err(error))),
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

/// Asks the kernel to send the signal to the child when this thread ends.
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
    // A process group of its own: a terminal's ctrl-C goes to us, and we stop the server when its users are done.
    command.process_group(0);
}
