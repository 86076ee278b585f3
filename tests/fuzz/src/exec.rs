//! Running asynchronous code to its end on the calling thread.

use std::{cell::LazyCell, future::Future};

use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: LazyCell<Runtime> = const {
        LazyCell::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime without I/O"))
    };
}

/// Runs a future and what it spawns, until it ends.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}
