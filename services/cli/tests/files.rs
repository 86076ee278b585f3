//! `postern keyring init` and `move-root`: crypto-service's files, in place.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::support::{Run, postern};

/// A configuration of crypto-service whose ring and root are in this folder.
fn service_config(folder: &Path, name: &str, root: &str) -> PathBuf {
    let text = include_str!("../../../deploy/config/crypto-service.toml")
        .replace("/var/lib/postern/keyring.json", folder.join("keyring.json").to_str().unwrap())
        .replace("/etc/postern/root/root.key", folder.join(root).to_str().unwrap());
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn keyring(arguments: &[&str], config: &Path) -> Run {
    Run::of(postern().arg("keyring").args(arguments).env("POSTERN_CONFIG", config))
}

#[test]
fn a_ring_is_made_once_and_moved_from_root_to_root() {
    let folder = tempfile::tempdir().unwrap();
    let old = service_config(folder.path(), "old.toml", "old.key");
    let new = service_config(folder.path(), "new.toml", "new.key");

    let created = keyring(&["init", "--json"], &old).succeeded().json();
    assert_eq!((&created["revision"], &created["root"]), (&1.into(), &"file".into()));
    for file in ["keyring.json", "old.key"] {
        let permissions = fs::metadata(folder.path().join(file)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{file}");
    }
    keyring(&["init"], &old).refused(3, "exists already");
    keyring(&["init"], &new).refused(3, "exists already");
    assert!(!folder.path().join("new.key").exists());

    let moved = keyring(&["move-root", "--to", new.to_str().unwrap()], &old).succeeded();
    let operator = format!("user {}", rustix::process::getuid().as_raw());
    assert!(moved.stderr.contains(&operator) && moved.stderr.contains("as revision 2"), "{}", moved.stderr);
    assert!(moved.stderr.contains("restart crypto-service"), "{}", moved.stderr);
    // The old root opens nothing any more.
    keyring(&["move-root", "--to", new.to_str().unwrap()], &old).refused(3, "does not unwrap with this root");
    keyring(&["move-root", "--to", old.to_str().unwrap()], &new).succeeded();
}

#[test]
fn a_root_that_cannot_be_used_is_refused_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let config = service_config(folder.path(), "service.toml", "root.key");
    let root = folder.path().join("root.key");
    fs::write(&root, "not 32 bytes").unwrap();
    fs::set_permissions(&root, PermissionsExt::from_mode(0o600)).unwrap();
    keyring(&["init"], &config).refused(3, "must have exactly 32 bytes");
}

#[test]
fn these_commands_need_crypto_services_own_configuration() {
    Run::of(postern().args(["keyring", "init"])).refused(2, "crypto-service's configuration");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/config/postern.toml");
    keyring(&["init"], &example)
        .refused(2, "postern.toml: this is the command line's configuration; name crypto-service's");
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.toml");
    fs::write(&other, "listen = '127.0.0.1:1'").unwrap();
    keyring(&["init"], &other).refused(2, "it has no [keyring] table; name crypto-service's configuration");
    fs::write(&other, "[keyring]\nfile = '/nowhere'\nrooot = 1").unwrap();
    keyring(&["init"], &other).refused(2, "line 3: keyring.rooot: unknown field `rooot`");
}
