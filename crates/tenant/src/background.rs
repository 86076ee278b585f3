//! Tasks that end what callers have left running on tenants' servers.

use std::{future::Future, sync::LazyLock};

use tokio::runtime::Handle;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

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

/// What [`statements_cancelled`] waits for. A session's caller may have gone some time before the task that notices
/// runs, and cancels its statement only then. So a session holds one for as long as it is not idle.
pub(crate) fn hold() -> TaskTrackerToken {
    TASKS.token()
}

/// Waits until no session is in use and the statements of all callers that are gone have been cancelled. To be called
/// before the process exits, which would end these tasks and leave the statements running.
pub async fn statements_cancelled() {
    TASKS.wait().await;
}
