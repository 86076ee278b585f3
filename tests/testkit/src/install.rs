//! Installs packages into the target folder, once for all test binaries.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The folder `<target>/<kind>/<name>`. If it is missing, `install` fills a folder that is then renamed into place, so
/// that an interrupted installation leaves nothing half-made behind. The name must change with the versions.
pub(crate) fn once(kind: &str, name: &str, install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let base = target_dir()?.join(kind);
    fs::create_dir_all(&base).with_context(|| format!("cannot create {}", base.display()))?;
    let folder = base.join(name);
    // Test binaries run side by side; one installs and the others wait for it.
    let lock = File::create(base.join(format!("{name}.lock"))).context("cannot make a lock")?;
    lock.lock().with_context(|| format!("cannot lock the packages in {}", base.display()))?;
    if !folder.exists() {
        let unfinished = base.join(format!("{name}.unfinished"));
        let _ = fs::remove_dir_all(&unfinished);
        install(&unfinished)?;
        fs::rename(&unfinished, &folder).context("cannot put the packages in place")?;
    }
    Ok(folder)
}

/// The folder that cargo builds into, which it marks: this binary is somewhere inside.
fn target_dir() -> Result<PathBuf> {
    let binary = env::current_exe().context("this process has no file")?;
    let target = binary.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.map(Path::to_owned).context("this process was not built by cargo")
}
