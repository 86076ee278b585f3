//! The process itself: SIGHUP, what it leaves when it is asked to stop, and what it says of its memory.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use postern_crypto_service::KeyringConfig;
use postern_devkit::ca::DevCa;
use postern_domain::SystemClock;
use postern_envelope::{MasterKey, SystemEntropy};
use postern_keyring::{Base, FileRoot, RingEditor, embedded};
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Ends with its test, however that ends.
struct Service(Child);

impl Service {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern-crypto-service"));
        Self(command.env("POSTERN_CONFIG", config).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_hangup_has_the_ring_looked_at_and_a_stop_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path());
    let mut service = Service::start(&config);
    until("it has loaded the ring", || report(folder.path()).contains(r#""revision":1"#));

    stage(folder.path());
    signal(&service, Signal::HUP);
    until("it has loaded the change", || report(folder.path()).contains(r#""loaded":[1,2]"#));
    assert!(service.0.try_wait().unwrap().is_none(), "a hangup does not end it");

    signal(&service, Signal::TERM);
    assert!(service.0.wait().unwrap().success());
    assert!(report(folder.path()).contains(r#""stopped":true"#));
}

#[test]
fn a_stop_ends_the_wait_for_a_root_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "a token").unwrap();
    let root = format!(
        "kind = \"vault-transit\"\naddress = \"http://{}\"\nkey = \"a\"\nauth = {{ token_file = {token:?} }}\n\
         start_seconds = 600",
        silent.local_addr().unwrap(),
    );
    let config = write_config_with(folder.path(), &root);

    let mut service = Service::start(&config);
    until("it asks its root", || silent.accept().is_ok());
    let first = report(folder.path());
    assert!(first.contains(r#""revision":0"#), "{first}");
    signal(&service, Signal::TERM);
    let mut ended = None;
    until("it ends", || {
        ended = service.0.try_wait().unwrap();
        ended.is_some()
    });
    assert!(ended.unwrap().success());
    assert!(report(folder.path()).contains(r#""stopped":true"#));
}

#[test]
fn keys_that_cannot_be_locked_in_memory_are_logged_at_start() {
    assert!(log_of_a_start("ulimit -l 0").contains("locking the keys in memory"));
    // This process may lock as much as its children.
    let lockable = MasterKey::generate(&SystemEntropy).unwrap().is_locked();
    assert_eq!(log_of_a_start("true").contains("locking the keys in memory"), !lockable);
}

#[test]
fn a_configuration_can_be_checked_without_starting_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path());
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern-crypto-service"));
        let output = command.arg("--check-config").arg("--config").arg(&config).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, sound) = check();
    assert!(code == Some(0) && sound.ends_with("config.toml: ok\n"), "{sound}");

    fs::remove_file(folder.path().join(embedded::RING_FILE)).unwrap();
    fs::write(folder.path().join("issuer.secret"), "short").unwrap();
    let (code, broken) = check();
    assert_eq!((code, broken.lines().count()), (Some(2), 2), "{broken}");
    assert!(broken.contains("config.toml: keyring.file: cannot read"), "{broken}");
    assert!(broken.contains("config.toml: issuers: "), "{broken}");

    fs::write(&config, "listen = '8443'").unwrap();
    let (code, unreadable) = check();
    assert!(code == Some(2) && unreadable.contains("line 1: listen: expected IP:port"), "{unreadable}");
}

/// What a service logs until it has loaded its keys, under limits that a line of shell has set.
fn log_of_a_start(limits: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path());
    let log = folder.path().join("log");
    // Root may lock whatever the limit says, unless it gives that up.
    let unprivileged =
        if geteuid().is_root() { "setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock" } else { "" };
    let unprivileged = if limits == "true" { "" } else { unprivileged };
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limits} && exec {unprivileged} \"$0\"")])
        .arg(env!("CARGO_BIN_EXE_postern-crypto-service"))
        .env("POSTERN_CONFIG", config)
        .stdout(fs::File::create(&log).unwrap())
        .stderr(fs::OpenOptions::new().append(true).open(&log).unwrap());
    let mut service = Service(command.spawn().unwrap());
    until("it has loaded the ring", || report(folder.path()).contains(r#""revision":1"#));
    signal(&service, Signal::TERM);
    assert!(service.0.wait().unwrap().success());
    fs::read_to_string(log).unwrap()
}

fn write_config(folder: &Path) -> PathBuf {
    let root = folder.join(embedded::ROOT_FILE);
    write_config_with(folder, &format!("kind = \"file\"\npath = \"{}\"", root.display()))
}

/// `root` is the table `keyring.root`.
fn write_config_with(folder: &Path, root: &str) -> PathBuf {
    let keyring = KeyringConfig::embedded(folder).unwrap();
    let tls = DevCa::load_or_create(&folder.join("ca")).unwrap().service("crypto-service").unwrap();
    let secret = folder.join("issuer.secret");
    fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    let text = format!(
        r#"
        listen = "127.0.0.1:0"
        [tls]
        certificate = "{}"
        key = "{}"
        ca = "{}"
        [keyring]
        file = "{}"
        replica = "one"
        [keyring.root]
        {root}
        [[issuers]]
        issuer = "https://issuer.test"
        audience = "postern"
        hs256_secret_file = "{}"
        "#,
        tls.certificate.display(),
        tls.key.display(),
        tls.ca.display(),
        keyring.file.display(),
        secret.display(),
    );
    let path = folder.join("config.toml");
    fs::write(&path, text).unwrap();
    path
}

fn stage(folder: &Path) {
    let root = FileRoot::load(&folder.join(embedded::ROOT_FILE)).unwrap();
    let path = folder.join(embedded::RING_FILE);
    let editor = RingEditor { path: &path, root: &root, entropy: &SystemEntropy, clock: &SystemClock };
    editor.stage(Base::default()).unwrap();
}

fn signal(service: &Service, signal: Signal) {
    kill_process(Pid::from_child(&service.0), signal).unwrap();
}

fn report(folder: &Path) -> String {
    fs::read_to_string(folder.join("replicas/one.json")).unwrap_or_default()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("not within ten seconds: {what}");
}
