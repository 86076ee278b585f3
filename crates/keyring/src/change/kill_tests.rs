//! Writers that are killed, as processes of their own: nothing short of that shows what a kill leaves behind.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use postern_envelope::SystemEntropy;

use super::*;
use crate::{
    FileRoot,
    test_support::{NewYear, RingFixture},
};

/// Names the folder for a process that is to write until it is killed.
const WRITE_IN: &str = "POSTERN_TEST_WRITE_IN";

#[test]
fn a_killed_writer_leaves_the_old_ring_or_the_new_one() {
    if let Some(folder) = env::var_os(WRITE_IN) {
        write_until_killed(Path::new(&folder));
    }
    let fixture = RingFixture::new();
    // A ring of some size, so that a write takes a moment.
    for _ in 0..40 {
        fixture.editor().stage(Base::default()).unwrap();
    }
    for round in 0..25 {
        let before = fixture.load().revision();
        let written = kill_a_writer(fixture.folder.path(), Duration::from_micros(137 * round));
        let after = fixture.load();
        // Every change that the writer reported is in the file, and at most one more.
        assert!((written..=written + 1).contains(&after.revision()), "{written}, then {}", after.revision());
        assert!(written >= before);
        fixture.editor().stage(Base { expected: Some(after.revision()), held: Some(&after) }).unwrap();
    }
    let left = fs::read_dir(fixture.folder.path()).unwrap().count();
    assert_eq!(left, 3, "root, ring and lock: the next change removed what the killed ones left");
}

/// Starts a writer, lets it make some changes, kills it a while later, and returns the last revision it reported.
fn kill_a_writer(folder: &Path, later: Duration) -> u64 {
    let mut writer = start_writer(folder);
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = lines.by_ref().filter_map(|line| line.strip_prefix("revision ")?.parse().ok());
    let first = told.nth(1).unwrap();
    thread::sleep(later);
    writer.kill().unwrap();
    writer.wait().unwrap();
    told.last().unwrap_or(first)
}

fn start_writer(folder: &Path) -> Child {
    let test = "change::kill_tests::a_killed_writer_leaves_the_old_ring_or_the_new_one";
    let mut writer = Command::new(env::current_exe().unwrap());
    writer.args(["--exact", test, "--nocapture"]).env(WRITE_IN, folder);
    writer.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn write_until_killed(folder: &Path) -> ! {
    let root = FileRoot::load(&folder.join("root.key")).unwrap();
    let path = folder.join("keyring.json");
    let editor = RingEditor { path: &path, root: &root, entropy: &SystemEntropy, clock: &NewYear };
    let mut held = ring_file::load(&path, &root).unwrap();
    loop {
        // Back and forth, so that the ring does not grow: one more key, and the one more disabled.
        let base = Base { expected: None, held: Some(&held) };
        let (id, ring) = editor.stage(base).unwrap();
        println!("\nrevision {}", ring.revision());
        held = editor.disable(id, Base { expected: None, held: Some(&ring) }).unwrap();
        println!("\nrevision {}", held.revision());
    }
}
