//! An allocator that counts the bytes in use.

#![allow(unsafe_code, reason = "an allocator can be written in no other way")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting.
pub(crate) struct Counting;

/// Returns the bytes in use, and begins to look for a new peak.
pub(crate) fn begin() -> usize {
    let in_use = IN_USE.load(Ordering::SeqCst);
    PEAK.store(in_use, Ordering::SeqCst);
    in_use
}

/// The most bytes in use at once since [`begin`].
pub(crate) fn peak() -> usize {
    PEAK.load(Ordering::SeqCst)
}

// SAFETY: every block is the system's. `realloc` and `alloc_zeroed` are the trait's own, which call these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(in_use, Ordering::Relaxed);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.dealloc(block, layout) };
    }
}
