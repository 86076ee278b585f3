//! What the services log, kept to explain a failure.

use std::{
    io::{self, Write},
    sync::{Mutex, Once},
};

/// Lines of servers that tests start, as long as they are short enough to be read.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Bytes of the log's end that are shown.
const SHOWN: usize = 16 * 1024;

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects what the keepers of servers log.
pub(crate) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().without_time().with_ansi(false).with_target(false);
        subscriber.with_env_filter("off,postern_devkit::keeper=debug").with_writer(|| Lines).init();
    });
}

/// Whether it was logged.
pub(crate) fn has(text: &str) -> bool {
    String::from_utf8_lossy(&LINES.lock().unwrap()).contains(text)
}

/// What a server logged.
pub(crate) fn of(server: &str) -> String {
    let lines = LINES.lock().unwrap();
    let mark = format!("server=\"{server}\"");
    String::from_utf8_lossy(&lines).lines().filter(|line| line.contains(&mark)).collect::<Vec<_>>().join("\n")
}

/// The end of the log.
pub(crate) fn tail() -> String {
    let lines = LINES.lock().unwrap();
    String::from_utf8_lossy(&lines[lines.len().saturating_sub(SHOWN)..]).into_owned()
}
