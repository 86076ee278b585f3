//! One target under libFuzzer: the one that `POSTERN_FUZZ_TARGET` names.
//!
//! Before it begins, the target's seeds are written to the folder that `POSTERN_FUZZ_SEEDS` names.

#![no_main]

use std::{env, fs, path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use postern_fuzz::{Target, targets};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env::var("POSTERN_FUZZ_TARGET").expect("POSTERN_FUZZ_TARGET names a target");
    targets::find(&name).expect("POSTERN_FUZZ_TARGET names a target")
});

fuzz_target!(
    init: {
        if let Some(folder) = env::var_os("POSTERN_FUZZ_SEEDS") {
            for (number, seed) in (TARGET.seeds)().iter().enumerate() {
                fs::write(Path::new(&folder).join(format!("seed-{number}")), seed).expect("the folder is there");
            }
        }
    },
    |input: &[u8]| {
        (TARGET.check)(input);
    }
);
