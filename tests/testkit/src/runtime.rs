//! A runtime for what outlives a single test: each `#[tokio::test]` has its own, and ends its tasks with it.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};

/// The handle of a runtime that lives as long as the process.
pub(crate) fn shared() -> &'static Handle {
    static SHARED: OnceLock<Handle> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be started");
        let handle = runtime.handle().clone();
        std::mem::forget(runtime);
        handle
    })
}
