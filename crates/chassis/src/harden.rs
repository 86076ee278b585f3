//! Closes the doors through which a process's memory leaves the machine.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

/// No core dumps, and no reading of this process's memory by others of the same user.
pub fn harden() -> Result<()> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).context("cannot switch core dumps off")?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("cannot make the process undumpable")?;
    Ok(())
}
