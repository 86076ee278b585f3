//! What the roots log: tests ask for lines that name their own root.

use std::{
    io,
    sync::{Mutex, Once},
    thread,
    time::{Duration, Instant},
};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on keeps every line.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Lines).init();
    });
}

/// Whether a line that holds both has been logged.
pub(crate) fn has(root: &str, words: &str) -> bool {
    LINES.lock().unwrap().iter().any(|line| line.contains(root) && line.contains(words))
}

/// Waits for such a line.
pub(crate) fn wait_for(root: &str, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !has(root, words) {
        assert!(Instant::now() < deadline, "no line says {words:?} of {root}: {:#?}", LINES.lock().unwrap());
        thread::sleep(Duration::from_millis(50));
    }
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
