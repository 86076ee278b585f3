//! Fuzz targets for the parsers of untrusted input.
//!
//! Each file of [`targets`] is one target: a function that takes any bytes, and panics if a property that must hold for
//! all inputs does not. `cargo xtask fuzz` runs the targets under libFuzzer, which searches for inputs that reach new
//! code. The test `replay` runs the known inputs in every `cargo test`.
//!
//! Targets check more than the absence of panics: they verify accepted input again, with independent code. Generated
//! values that are not part of the input (keys, salts) do not influence the result.
//!
//! When a target fails, libFuzzer leaves the input in `target/fuzz/artifacts`. Copied to `tests/fuzz/corpus/<target>/`,
//! it is a test from then on.

use peak_alloc::PeakAlloc;

pub mod exec;
pub mod memory;
pub mod random;
pub mod ring;
pub mod scram;
pub mod sql;
pub mod stream;
pub mod targets;

/// Counts what is allocated, for the targets that bound it.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Something that reads bytes of others.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name of its file, with hyphens.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub check: fn(&[u8]) -> Verdict,
    /// Inputs to start from. One of them at least is accepted, so that the fuzzer sees what is behind the door.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// What became of an input in which nothing was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The code under test took it for good.
    Accepted,
    /// The code under test refused it.
    Refused,
}

impl Verdict {
    /// By whether something came of it.
    pub const fn of<T, E>(outcome: &Result<T, E>) -> Self {
        if outcome.is_ok() { Self::Accepted } else { Self::Refused }
    }
}
