//! Programs from crates.io, installed into the target directory with pinned versions.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{process, say, up::target_dir};

/// Compiler flags for programs that need no C library where they run. Packed relocations, and equal functions kept
/// once, make them smaller. Only LLD, Rust's own linker on x86-64, can do the latter.
pub(crate) const STATIC: &str = if cfg!(target_arch = "x86_64") {
    "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs -C link-arg=-Wl,--icf=all"
} else {
    "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs"
};

/// A program that runs on this machine.
pub(crate) fn cargo_program(name: &str, version: &str, options: &[&str]) -> Result<PathBuf> {
    install(name, version, options, &mut Command::new("cargo"))
}

/// A program that is put into an image.
pub(crate) fn static_program(name: &str, version: &str, options: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    // With a target, the flags are not those of build scripts and procedural macros, which cannot be static.
    cargo.env("RUSTFLAGS", STATIC);
    // Its own profile takes several times as long.
    cargo.envs([("CARGO_PROFILE_RELEASE_LTO", "thin"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4")]);
    install(name, version, &[options, &["--target", &host()?]].concat(), &mut cargo)
}

fn install(name: &str, version: &str, options: &[&str], cargo: &mut Command) -> Result<PathBuf> {
    let folder = target_dir().join("tools").join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if !program.exists() {
        say(&format!("installing {name} {version} from crates.io (takes some minutes)"));
        cargo.args(["install", "--quiet", "--locked", "--version", version, "--root"]).arg(&folder);
        cargo.env("CARGO_TARGET_DIR", target_dir().join("tools/build")).args(options);
        process::run(cargo.arg(name))?;
    }
    Ok(program)
}

/// The target triple of this machine.
pub(crate) fn host() -> Result<String> {
    process::read("rustc", "--print=host-tuple").context("rustc does not say what it compiles for")
}
