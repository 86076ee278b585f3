//! Tasks that end what callers have left running on tenants' servers.

use std::{future::Future, sync::LazyLock};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

static TASKS: LazyLock<TaskTracker> = LazyLock::new(|| {
    let tasks = TaskTracker::new();
    // Closed from the start: a closed tracker still takes tasks, and can be waited for.
    tasks.close();
    tasks
});

/// Runs a task that nobody waits for, until the process stops. Without a runtime, the task is dropped.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        TASKS.spawn_on(task, &runtime);
    }
}

/// Waits until the statements of all callers that are gone have been cancelled. To be called before the process exits,
/// which would end these tasks and leave the statements running.
pub async fn statements_cancelled() {
    TASKS.wait().await;
}
