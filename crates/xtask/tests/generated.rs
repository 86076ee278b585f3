//! Generates the code from the protos and compares it with the committed code. `cargo xtask gen` runs this test with
//! `POSTERN_GENERATE=1`, which writes the code first.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Messages that contain secrets. `redacted.rs` in the rpc crate implements their `Debug`.
const SECRET_BEARING: [&str; 6] = [
    ".postern.crypto.v1.EncryptRequest",
    ".postern.crypto.v1.DecryptResponse",
    ".postern.crypto.v1.EncryptItem",
    ".postern.crypto.v1.DecryptResult",
    ".postern.connection.v1.UpsertConnectionRequest",
    ".postern.proxy.v1.ForwardRequest",
];

#[test]
fn generated_code_is_current() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rpc");
    let committed_dir = crate_dir.join("src/generated");
    let fresh_dir = tempfile::tempdir().unwrap();
    generate(&crate_dir.join("../../proto"), fresh_dir.path());

    let fresh = read_all(fresh_dir.path());
    if std::env::var_os("POSTERN_GENERATE").is_some() {
        for (name, bytes) in &fresh {
            fs::write(committed_dir.join(name), bytes).unwrap();
        }
    }
    let committed = read_all(&committed_dir);
    let stale: Vec<_> =
        fresh.iter().filter(|(name, bytes)| committed.get(*name) != Some(bytes)).map(|(n, _)| n).collect();
    assert!(stale.is_empty(), "run `cargo xtask gen` and commit: {stale:?}");
    assert_eq!(fresh.len(), committed.len(), "crates/rpc/src/generated has files that no proto generates");
}

fn generate(protos: &Path, out: &Path) {
    let mut compiler = protox::Compiler::new([protos]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_files(protos_in(protos)).unwrap();
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set()).unwrap();
    tonic_prost_build::configure()
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .codec_path("crate::codec::MessageCodec")
        .skip_debug(SECRET_BEARING)
        .out_dir(out)
        .compile_fds(compiler.file_descriptor_set())
        .unwrap();
}

/// All protos under a folder, sorted.
fn protos_in(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut protos_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read_all(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(Result::unwrap);
    files.map(|f| (f.file_name().into_string().unwrap(), fs::read(f.path()).unwrap())).collect()
}
