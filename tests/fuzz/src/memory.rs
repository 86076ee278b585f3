//! How much memory something takes.

use crate::ALLOCATOR;

/// Does something, and gives the bytes that were allocated on top of what was before, at the worst moment. Other
/// threads count too.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let done = work();
    (done, ALLOCATOR.peak_usage().saturating_sub(before))
}
