//! Programs that come as packages of Debian, and how container tools are run without an engine.

use std::{ffi::OsStr, fs, process::Command};

use anyhow::{Result, bail};

use crate::{process, say, up::target_dir};

/// Finds a program, or installs its package when run as root on Debian.
pub(crate) fn ensure(program: &str, packages: &str) -> Result<()> {
    if has(program) {
        return Ok(());
    }
    let root = process::read("id", "-u").as_deref() == Some("0");
    if root && has("apt-get") {
        say(&format!("installing {packages} from Debian"));
        process::run_quietly(Command::new("apt-get").args(["update", "-q"]))?;
        let mut install = Command::new("apt-get");
        install.args(["install", "-q", "-y", "--no-install-recommends"]).args(packages.split(' '));
        process::run_quietly(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if !has(program) {
        bail!("{program} is missing; install it");
    }
    Ok(())
}

pub(crate) fn has(program: &str) -> bool {
    process::read(program, "--version").is_some()
}

/// Limits of the host are kept, since raising them is not allowed everywhere; control groups without systemd.
const CONTAINERS: &str = "[containers]\ndefault_ulimits = []\n\n[engine]\ncgroup_manager = \"cgroupfs\"\n\
    events_logger = \"file\"\nruntime = \"runc\"\n";

/// buildah or podman, or what starts them, with images and containers of their own in the target directory: `vfs` needs
/// no kernel module.
pub(crate) fn containers(program: impl AsRef<OsStr>) -> Result<Command> {
    let folder = target_dir().join("containers");
    fs::create_dir_all(&folder)?;
    let (engine, storage) = (folder.join("containers.conf"), folder.join("storage.conf"));
    fs::write(&engine, CONTAINERS)?;
    let (run, graph) = (folder.join("run"), folder.join("storage"));
    let text = format!(
        "[storage]\ndriver = \"vfs\"\nrunroot = \"{}\"\ngraphroot = \"{}\"\n",
        run.display(),
        graph.display()
    );
    fs::write(&storage, text)?;
    let mut command = Command::new(program);
    command.env("CONTAINERS_CONF", engine).env("CONTAINERS_STORAGE_CONF", storage);
    Ok(command)
}
