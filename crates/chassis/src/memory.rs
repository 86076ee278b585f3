//! Memory that holds nothing any more once it is freed.
//!
//! A secret in a [`Secret`](postern_domain::Secret) is wiped when it is dropped. On its way it is elsewhere too: in the
//! buffers of TLS, HTTP/2 and protobuf, in a vector that grew, in a call that was cancelled. No type of ours reaches
//! those, but all of them give their memory back to one allocator. Every program that secrets pass through therefore
//! has the wiping one:
//!
//! ```
//! use postern_chassis::memory::{WIPING, WipingAllocator};
//!
//! #[global_allocator]
//! static ALLOCATOR: WipingAllocator = WIPING;
//! ```
//!
//! What it does not reach: stacks and registers, and buffers still in use. A connection that stays open may hold parts
//! of what last went through it, until it carries something else or ends.

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// Overwrites each block with zeros before `A` has it back, those that a growing vector leaves behind among them.
pub type WipingAllocator<A = MiMalloc> = ZeroAlloc<A>;

/// An allocator for many small blocks that come and go in many threads, wiping.
pub const WIPING: WipingAllocator = ZeroAlloc(MiMalloc);
