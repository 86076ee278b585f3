//! Runs every input that is known: the seeds, and what the fuzzer once found.
//!
//! One test, alone in its process: some targets measure the memory of the whole process.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use postern_fuzz::{Target, Verdict, targets};

#[test]
fn known_inputs_break_nothing_and_seeds_get_in() {
    for target in targets::ALL {
        let verdicts: Vec<_> = (target.seeds)().iter().map(|seed| (target.check)(seed)).collect();
        assert!(verdicts.contains(&Verdict::Accepted), "no seed of {} is accepted", target.name);
        for input in found(target) {
            (target.check)(&input);
        }
    }
}

/// What the fuzzer once found.
fn found(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}
