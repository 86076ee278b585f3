//! The development server as a process: it starts, keeps its data, and leaves nothing running.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

/// A state folder, and a page instead of the console.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let base = std::env::var_os("POSTERN_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = tempfile::tempdir_in(base).unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
        fs::create_dir(folder.path().join("console")).unwrap();
        fs::write(folder.path().join("console/index.html"), "<!doctype html>").unwrap();
        Self(folder)
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn start(&self, port: u16) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern-standalone"));
        command.arg("--state").arg(self.state()).arg("--console").arg(self.0.path().join("console"));
        command.args(["--port", &port.to_string()]).env_remove("POSTERN_DATABASE_URL");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Waits for the ready line; returns the URL in it.
fn ready(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().strip_prefix("Postern is ready: ").unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

fn postmaster(state: &Path) -> Pid {
    let file = fs::read_to_string(state.join("postgres/data/postmaster.pid")).unwrap();
    Pid::from_raw(file.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// Waits for the process to be gone.
fn until_gone(pid: Pid) {
    let started = Instant::now();
    while test_kill_process(pid).is_ok() && !is_zombie(pid) {
        assert!(started.elapsed() < Duration::from_secs(30), "Postgres outlived the process that started it");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the process has exited but was not reaped by its parent yet.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

#[test]
fn an_interrupt_stops_all_of_it_and_a_second_start_keeps_everything() {
    let place = Place::new();
    let mut first = place.start(0);
    ready(&mut first);
    let server = postmaster(&place.state());
    kill_process(Pid::from_child(&first), Signal::INT).unwrap();
    assert!(first.wait().unwrap().success());
    assert!(test_kill_process(server).is_err(), "Postgres still runs");

    let kept = |name: &str| fs::read(place.state().join(name)).unwrap();
    let before = ["keys/keyring.json", "issuer.pem", "certificates/ca.pem", "postgres/port"].map(kept);
    let mut second = place.start(0);
    ready(&mut second);
    assert_eq!(["keys/keyring.json", "issuer.pem", "certificates/ca.pem", "postgres/port"].map(kept), before);
    kill_process(Pid::from_child(&second), Signal::TERM).unwrap();
    assert!(second.wait().unwrap().success());
}

#[test]
fn a_kill_leaves_no_postgres_behind_and_the_next_start_works() {
    let place = Place::new();
    let mut first = place.start(0);
    ready(&mut first);
    let server = postmaster(&place.state());
    first.kill().unwrap();
    first.wait().unwrap();
    until_gone(server);
    let mut second = place.start(0);
    ready(&mut second);
    kill_process(Pid::from_child(&second), Signal::INT).unwrap();
    assert!(second.wait().unwrap().success());
}

#[test]
fn a_start_right_after_a_kill_waits_for_the_old_postgres() {
    let place = Place::new();
    let mut first = place.start(0);
    ready(&mut first);
    let server = postmaster(&place.state());
    // Stopped, it cannot shut down before the next start has seen it.
    kill_process(server, Signal::STOP).unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = place.start(0);
    let waits = || {
        fs::read_to_string(place.state().join("postern.log")).unwrap().contains("waiting for the previous")
    };
    while !waits() && second.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(20));
    }
    kill_process(server, Signal::CONT).unwrap();
    ready(&mut second);
    kill_process(Pid::from_child(&second), Signal::INT).unwrap();
    assert!(second.wait().unwrap().success());
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut child = Place::new().start(port);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success());
    let expected = format!(
        "postern: port {port} is in use; stop the program that uses it, or choose another port with --port\n"
    );
    assert_eq!(said, expected);
}
