//! Runs `driver/main.ts`, a table of supabase-js calls, in Node.js 22.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use postern_testkit::NodePackages;
use serde_json::Value;
use tempfile::TempDir;

const MANIFEST: &str = include_str!("package.json");
const LOCK: &str = include_str!("package-lock.json");

/// The services whose calls a run makes.
pub(crate) const ALL: &str = "rest,storage,functions,auth";

/// The table, beside its packages.
pub(crate) struct Driver {
    packages: NodePackages,
    folder: TempDir,
}

/// Where a run's calls go.
pub(crate) struct Way<'a> {
    pub(crate) url: String,
    pub(crate) key: &'a str,
    /// PEM file of an authority that is trusted besides the public ones.
    pub(crate) ca: PathBuf,
    /// Groups of the table, separated by commas.
    pub(crate) groups: &'a str,
    /// Module with the `fetch` that is used instead of Node's.
    pub(crate) fetch: Option<&'a Path>,
}

/// What each call gave, by its name: `answers` as they arrived and the `result` for the caller.
pub(crate) type Run = BTreeMap<String, Value>;

impl Driver {
    /// Installs the packages if they are missing.
    pub(crate) fn new() -> Self {
        let packages = NodePackages::install("supabase", MANIFEST, LOCK)
            .unwrap_or_else(|error| panic!("supabase-js cannot be installed: {error:#}"));
        // Node.js looks for packages beside the script, and not in the target folder.
        let folder = tempfile::tempdir().unwrap();
        for script in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/driver")).unwrap() {
            let script = script.unwrap();
            fs::copy(script.path(), folder.path().join(script.file_name())).unwrap();
        }
        fs::write(folder.path().join("package.json"), MANIFEST).unwrap();
        symlink(packages.modules(), folder.path().join("node_modules")).unwrap();
        Self { packages, folder }
    }

    /// Makes all calls of the groups, one after the other.
    pub(crate) async fn run(&self, way: &Way<'_>) -> Run {
        self.run_with(way, &[]).await
    }

    /// [`Driver::run`] with further variables in the environment.
    pub(crate) async fn run_with(&self, way: &Way<'_>, environment: &[(&str, String)]) -> Run {
        let mut node = Command::new(self.packages.node());
        node.arg("--disable-warning=ExperimentalWarning").arg(self.folder.path().join("main.ts"));
        node.env("SUPABASE_URL", &way.url).env("SUPABASE_KEY", way.key).env("SUPABASE_GROUPS", way.groups);
        node.env("NODE_EXTRA_CA_CERTS", &way.ca).stdin(Stdio::null());
        node.envs(environment.iter().map(|(name, value)| (name, value)));
        if let Some(module) = way.fetch {
            node.env("SUPABASE_FETCH", module);
        }
        let output = tokio::task::spawn_blocking(move || node.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let calls: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let run: Run =
            calls.iter().map(|call| (call["name"].as_str().unwrap().into(), call.clone())).collect();
        assert_eq!(run.len(), calls.len(), "each call has a name of its own");
        run
    }
}

/// Fails with every call that differs, and how.
pub(crate) fn assert_same(one: &Run, other: &Run) {
    assert!(one.keys().eq(other.keys()), "the same calls were made");
    let differing = one.iter().filter(|(name, call)| other[*name] != **call);
    let differences: Vec<_> =
        differing.map(|(name, call)| format!("{name}\n  {call}\n  {}", other[name])).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
