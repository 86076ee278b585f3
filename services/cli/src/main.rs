//! The `postern` command. See the library for what it does.

use std::process::ExitCode;

use postern_chassis::memory::{WIPING, WipingAllocator};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WIPING;

fn main() -> ExitCode {
    postern_cli::run()
}
