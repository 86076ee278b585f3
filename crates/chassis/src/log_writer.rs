//! Writes the log from a thread of its own.
//!
//! A call must not wait for the file that its line goes to, nor for the other calls that write to it. Lines that come
//! within [`GATHERING`] share one system call. No line is dropped: a thread that logs while [`WAITING_BYTES`] are
//! waiting blocks until they are written.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long the thread lets lines gather after the first one.
const GATHERING: Duration = Duration::from_millis(5);

/// Bytes that may wait to be written.
const WAITING_BYTES: usize = 1 << 20;

/// Where lines are written to. Clones are one log.
#[derive(Clone)]
pub(crate) struct LogWriter(Arc<Shared>);

/// The thread. When this is dropped, the thread writes what is waiting and ends. A line that is logged later is written
/// by the thread that logs it.
#[must_use = "the last lines are lost unless they are awaited"]
pub(crate) struct LogThread {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    file: Mutex<Box<dyn Write + Send>>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    ending: bool,
}

/// Starts the thread.
pub(crate) fn start(file: impl Write + Send + 'static) -> io::Result<(LogWriter, LogThread)> {
    let file: Mutex<Box<dyn Write + Send>> = Mutex::new(Box::new(file));
    let shared = Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new(), file });
    let own = Arc::clone(&shared);
    let thread = thread::Builder::new().name("log".to_owned()).spawn(move || own.write_all())?;
    Ok((LogWriter(Arc::clone(&shared)), LogThread { shared, thread: Some(thread) }))
}

impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        self.shared.lock().ending = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn add(&self, line: &[u8]) {
        let full = |waiting: &mut Waiting| waiting.lines.len() >= WAITING_BYTES && !waiting.ending;
        let waiting = self.changed.wait_while(self.lock(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.ending {
            drop(waiting);
            self.write(line);
            return;
        }
        let first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        if first {
            self.changed.notify_all();
        }
    }

    /// Writes lines until the end.
    fn write_all(&self) {
        let mut lines = Vec::new();
        loop {
            let idle = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.ending;
            let waiting = self.changed.wait_while(self.lock(), idle);
            let ending = waiting.unwrap_or_else(PoisonError::into_inner).ending;
            if !ending {
                thread::sleep(GATHERING);
            }
            mem::swap(&mut self.lock().lines, &mut lines);
            self.changed.notify_all();
            self.write(&lines);
            lines.clear();
            if ending {
                return;
            }
        }
    }

    /// A log that cannot be written to must not stop the service, and there is nowhere to say so.
    fn write(&self, lines: &[u8]) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(lines).and_then(|()| file.flush());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Sends each write to the test, and waits until the test takes it.
    struct Taken(mpsc::SyncSender<Vec<u8>>);

    impl Write for Taken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn running() -> (LogWriter, LogThread, mpsc::Receiver<Vec<u8>>) {
        let (sender, taken) = mpsc::sync_channel(0);
        let (writer, thread) = start(Taken(sender)).unwrap();
        (writer, thread, taken)
    }

    #[test]
    fn lines_arrive_in_order_and_share_writes() {
        let (log, thread, taken) = running();
        let logging = thread::spawn(move || {
            for number in 0..1000 {
                (&log).write_all(format!("{number}\n").as_bytes()).unwrap();
            }
            drop(thread);
        });
        let writes: Vec<Vec<u8>> = taken.iter().collect();
        logging.join().unwrap();
        let expected = (0..1000).fold(Vec::new(), |mut lines, number| {
            writeln!(lines, "{number}").unwrap();
            lines
        });
        assert_eq!(writes.concat(), expected);
        assert!(writes.len() < 1000, "a write for each line");
    }

    #[test]
    fn whoever_logs_waits_while_too_much_is_waiting() {
        let (writer, thread, taken) = running();
        let line = vec![b'x'; WAITING_BYTES];
        let (sender, logged) = mpsc::channel();
        let logging = thread::spawn(move || {
            for number in 0..3 {
                (&writer).write_all(&line).unwrap();
                sender.send(number).unwrap();
            }
            drop(thread);
        });
        assert_eq!((logged.recv(), logged.recv()), (Ok(0), Ok(1)), "one is being written, one waits");
        assert!(logged.try_recv().is_err(), "the third line did not wait");
        let total: usize = taken.iter().map(|bytes| bytes.len()).sum();
        logging.join().unwrap();
        assert_eq!(total, 3 * WAITING_BYTES);
    }

    #[test]
    fn a_line_after_the_end_is_written_all_the_same() {
        let (writer, thread, taken) = running();
        drop(thread);
        let late = thread::spawn(move || (&writer).write_all(b"late\n").unwrap());
        assert_eq!(taken.recv().unwrap(), b"late\n");
        late.join().unwrap();
    }
}
