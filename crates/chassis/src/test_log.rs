//! The log lines of one test. Tests run on threads of their own, and each thread has its own log.

use std::{cell::RefCell, io, sync::Once};

use serde_json::Value;
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::telemetry;

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Starts logging; the test's runtime must be one of a single thread.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::registry().with(LevelFilter::DEBUG).with(telemetry::lines(|| Writer)).init();
    });
}

/// The lines of this crate so far.
pub(crate) fn lines() -> Vec<Value> {
    let log = LOG.with_borrow(Clone::clone);
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.map(|line| serde_json::from_slice(line).unwrap());
    lines.filter(|line: &Value| line["target"].as_str().unwrap().starts_with("postern")).collect()
}

/// Forgets the lines so far.
pub(crate) fn clear() {
    LOG.with_borrow_mut(Vec::clear);
}

/// Waits for a line that says how a call ended.
pub(crate) async fn ended() -> Value {
    loop {
        if let Some(line) = lines().into_iter().find(|line| line["message"] == "call ended") {
            return line;
        }
        tokio::task::yield_now().await;
    }
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
