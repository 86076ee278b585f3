//! The folders are what `cargo xtask fuzz` takes them for.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use postern_fuzz::targets;

#[test]
fn each_file_is_a_target() {
    let files = names("src/targets");
    let names = files.iter().filter_map(|file| file.strip_suffix(".rs")).filter(|name| *name != "mod");
    let mut names: Vec<_> = names.map(|name| name.replace('_', "-")).collect();
    names.sort();
    let all: Vec<_> = targets::ALL.iter().map(|target| target.name).collect();
    assert_eq!(names, all);
}

#[test]
fn each_corpus_belongs_to_a_target() {
    for folder in names("corpus") {
        assert!(targets::find(&folder).is_some(), "{folder} is no target");
    }
}

/// What is in a folder of this package.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
