//! Enforces the structure of the workspace: which crate may use which, and a few rules that span crates.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The workspace crates that each crate may use. A crate that is not listed may use none. Give a new one a line, with
/// the reason for it.
const ARROWS: &[(&str, &[&str])] = &[
    ("chassis", &["domain", "egress", "identity", "rpc"]),
    // Three users, and one mapping of statuses, context and header for all of them.
    ("crypto-client", &["chassis", "domain", "rpc"]),
    ("devkit", &["domain"]),
    ("egress", &["domain"]),
    ("envelope", &["domain"]),
    ("identity", &["domain", "egress"]),
    // Has two users: crypto-service while it runs, and the command line while it doesn't. `egress` for TLS to remote
    // roots.
    ("keyring", &["domain", "egress", "envelope"]),
    // Has two users: the command line, and connection-service in the background.
    ("rewrap", &["crypto-client", "domain", "rpc", "store"]),
    ("store", &["domain"]),
    ("tenant", &["domain", "egress"]),
    ("crypto-service", &["chassis", "domain", "egress", "envelope", "identity", "keyring", "rpc"]),
    (
        "connection-service",
        &["chassis", "crypto-client", "domain", "egress", "identity", "rewrap", "rpc", "store"],
    ),
    (
        "proxy-service",
        &["chassis", "crypto-client", "domain", "egress", "identity", "rpc", "store", "tenant"],
    ),
    (
        "standalone",
        &[
            "chassis",
            "connection-service",
            "crypto-service",
            "devkit",
            "domain",
            "egress",
            "identity",
            "proxy-service",
            "rpc",
            "store",
        ],
    ),
    // `keyring` for `keyring init` and `keyring move-root`, which work on the ring's files in place. Never `envelope`:
    // the command line opens no seal. `identity` for the owner that a subject of an issuer is.
    ("cli", &["chassis", "domain", "identity", "keyring", "rewrap", "rpc", "store"]),
];

#[test]
fn crates_use_only_allowed_crates() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (package, used) in dependencies("normal") {
        if is_for_tests(&package) {
            continue;
        }
        let allowed = arrows.get(package.as_str()).copied().unwrap_or_default();
        for other in used {
            assert!(allowed.contains(&other.as_str()), "{package} may not use {other}");
        }
    }
}

#[test]
fn only_tests_use_the_testkit() {
    for (package, used) in dependencies("normal") {
        assert!(
            is_for_tests(&package) || !used.contains(&"testkit".to_owned()),
            "{package} ships the testkit"
        );
    }
}

/// The feature bypasses checks, to call parsers without a network.
#[test]
fn only_the_fuzz_targets_enable_the_fuzzing_feature() {
    let is_fuzzing = |dependency: &Value| {
        dependency["features"].as_array().unwrap().iter().any(|feature| feature == "fuzzing")
    };
    for package in metadata()["packages"].as_array().unwrap() {
        let asks = package["dependencies"].as_array().unwrap().iter().any(is_fuzzing);
        assert_eq!(asks, package["name"] == "postern-fuzz", "{}", package["name"]);
        let forwards = package["features"]
            .as_object()
            .unwrap()
            .iter()
            .any(|(name, enabled)| name != "fuzzing" && enabled.to_string().contains("fuzzing"));
        assert!(!forwards, "a feature of {} enables fuzzing", package["name"]);
    }
}

/// Without it, copies of secrets in TLS, HTTP/2 and protobuf buffers would remain in freed memory.
#[test]
fn every_program_uses_the_wiping_allocator() {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services");
    let programs =
        std::fs::read_dir(services).unwrap().map(|service| service.unwrap().path().join("src/main.rs"));
    let mut found = 0;
    for program in programs.filter(|program| program.exists()) {
        let text = std::fs::read_to_string(&program).unwrap();
        let has = text.contains("#[global_allocator]\nstatic ALLOCATOR: WipingAllocator = WIPING;\n");
        assert!(has, "{} has another allocator", program.display());
        found += 1;
    }
    assert!(found >= 5, "the services and the command line are found");
}

/// rustfmt does not wrap comments. Table rows are exempt, because they cannot be wrapped.
#[test]
fn comments_fit_120_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["crates", "services", "tests"] {
        rust_files(&root.join(folder), &mut files);
    }
    assert!(files.len() > 200, "the sources are found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let comment = line.trim_start();
            let is_prose = comment.starts_with("//") && !comment.starts_with("//! |");
            assert!(!is_prose || line.chars().count() <= 120, "{}:{number}", file.display());
        }
    }
}

/// All Rust files under a folder that are not generated.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("generated") && !path.ends_with("node_modules") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_top_level_holds_nothing_unexpected() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "proto",
        "services",
        "crates",
        "deploy",
        "tests",
        "buf.yaml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "rust-toolchain.toml",
        "deny.toml",
        "target",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for entry in std::fs::read_dir(root).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name.starts_with('.') || allowed.contains(&name.as_str()),
            "{name} does not belong at the top level"
        );
    }
}

/// Whether a package (without its prefix) belongs to tests/, where packages may use any crate.
fn is_for_tests(package: &str) -> bool {
    package.ends_with("-tests") || ["bench", "fuzz", "testkit"].contains(&package)
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

/// The workspace's packages and the workspace packages they depend on, without their prefix.
fn dependencies(kind: &str) -> BTreeMap<String, Vec<String>> {
    let metadata = metadata();
    let ours = |value: &Value| value["name"].as_str().unwrap().strip_prefix("postern-").map(str::to_owned);
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let Some(name) = ours(package) else { continue };
        let wanted = |dependency: &&Value| dependency["kind"].as_str().unwrap_or("normal") == kind;
        let used = package["dependencies"].as_array().unwrap().iter().filter(wanted).filter_map(ours);
        found.insert(name, used.collect());
    }
    assert!(found.len() > 10, "cargo metadata lists the workspace");
    found
}
