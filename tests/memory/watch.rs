//! An allocator that looks for a canary in what is freed.

#![allow(unsafe_code, reason = "an allocator can be written in no other way")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The secret to look for. Nothing else holds these bytes.
const CANARY: &str = "canary-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Whether blocks are looked at. Starting a Postern frees a great many that cannot hold the secret yet.
static WATCHES: AtomicBool = AtomicBool::new(false);

static OUTSIDE: AtomicUsize = AtomicUsize::new(0);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Blocks that held the secret.
#[derive(Debug)]
pub(crate) struct Counted {
    /// When their owner was done with them.
    pub left: usize,
    /// When the system got them back.
    pub given_back: usize,
}

/// Looks at each block, and then lets `A` free it.
pub(crate) struct Watching<A = System> {
    allocator: A,
    count: &'static AtomicUsize,
}

pub(crate) fn canary() -> &'static str {
    CANARY
}

/// Counts while `work` runs.
pub(crate) async fn counted(work: impl Future<Output = ()>) -> Counted {
    WATCHES.store(true, Ordering::SeqCst);
    work.await;
    WATCHES.store(false, Ordering::SeqCst);
    Counted { left: OUTSIDE.load(Ordering::SeqCst), given_back: INSIDE.load(Ordering::SeqCst) }
}

impl<A> Watching<A> {
    pub(crate) const fn outside(allocator: A) -> Self {
        Self { allocator, count: &OUTSIDE }
    }
}

impl Watching {
    pub(crate) const fn inside() -> Self {
        Self { allocator: System, count: &INSIDE }
    }
}

// SAFETY: every block is `A`'s. `realloc` is the trait's own, which allocates, copies and frees through this.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Watching<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that what is looked at later has been written by this block's owner, or is zero.
        // SAFETY: the caller's contract is `A`'s.
        unsafe { self.allocator.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHES.load(Ordering::Relaxed) {
            // SAFETY: the block is `layout.size()` bytes long, initialised by `alloc`, and nobody's any more.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            if holds(bytes, CANARY.as_bytes()) {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
        // SAFETY: the caller's contract is `A`'s.
        unsafe { self.allocator.dealloc(block, layout) };
    }
}

/// Whether `needle` is somewhere in `bytes`. Allocates nothing.
fn holds(mut bytes: &[u8], needle: &[u8]) -> bool {
    while let Some(start) = bytes.iter().position(|byte| *byte == needle[0]) {
        if bytes[start..].starts_with(needle) {
            return true;
        }
        bytes = &bytes[start + 1..];
    }
    false
}
