//! Whatever reads bytes of others, fed with bytes that a fuzzer makes up.
//!
//! Each file of [`targets`] is one target: a function that takes any bytes and panics when something does not hold that
//! has to hold for all bytes. `cargo xtask fuzz` runs them under libFuzzer, which looks for inputs that reach new code;
//! the test `replay` runs the inputs that are known, in any `cargo test`.
//!
//! A target checks more than that nothing panics: what was accepted is checked again by other means than those that
//! accepted it, in code of its own. What it makes up beside its input (keys, salts) does not decide what happens.
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
