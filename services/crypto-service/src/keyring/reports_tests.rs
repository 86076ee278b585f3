use std::collections::BTreeMap;

use postern_envelope::KeyId;

use super::*;
use crate::keyring::UseCounts;

fn name(name: &str) -> ReplicaName {
    name.to_owned().try_into().unwrap()
}

fn id(number: u32) -> KeyId {
    KeyId::new(number).unwrap()
}

fn report(replica: &str, now: u64) -> Report {
    let uses = BTreeMap::from([(id(1), UseCounts { seals: 1, opens: 2, last_use: 3 })]);
    Report::new(name(replica), 4, vec![id(1), id(2)], &uses, now)
}

fn reports(folder: &Path) -> Reports {
    Reports::beside(&folder.join("keyring.json"))
}

#[test]
fn each_replica_finds_its_own_report_and_all_find_all() {
    let folder = tempfile::tempdir().unwrap();
    let reports = reports(folder.path());
    assert_eq!(reports.of(&name("one")).unwrap(), None);
    reports.put(&report("two", 5)).unwrap();
    reports.put(&report("one", 6)).unwrap();
    reports.put(&report("one", 7)).unwrap();
    assert_eq!(reports.of(&name("one")).unwrap(), Some(report("one", 7)));
    assert_eq!(reports.all().unwrap(), [report("one", 7), report("two", 5)]);
    assert_eq!(reports.of(&name("one")).unwrap().unwrap().uses()[&id(1)].opens, 2);
    assert_eq!(fs::read_dir(folder.path().join("replicas")).unwrap().count(), 2);
}

/// Files on disk depend on it: a replica of the next release reads it.
#[test]
fn the_file_does_not_drift() {
    let text = serde_json::to_string(&report("one", 5)).unwrap();
    let expected = r#"{"name":"one","revision":4,"loaded":[1,2],"uses":[{"id":1,"seals":1,"opens":2,"last_use":3}],"reported_at":5,"stopped":false}"#;
    assert_eq!(text, expected);
}

#[test]
fn what_a_killed_writer_left_and_foreign_files_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let reports = reports(folder.path());
    reports.put(&report("one", 5)).unwrap();
    let replicas = folder.path().join("replicas");
    fs::write(replicas.join("one.tmp"), "{\"na").unwrap();
    fs::write(replicas.join("broken.json"), "{").unwrap();
    fs::write(replicas.join("posing.json"), serde_json::to_vec(&report("two", 5)).unwrap()).unwrap();
    fs::write(replicas.join("notes.txt"), "hello").unwrap();
    assert_eq!(reports.all().unwrap(), [report("one", 5)]);
    reports.put(&report("one", 6)).unwrap();
    assert_eq!(reports.all().unwrap(), [report("one", 6)]);
}

#[test]
fn a_replica_is_live_for_ten_seconds_and_not_once_it_has_stopped() {
    let report = report("one", 100);
    assert!(report.is_live(100) && report.is_live(110));
    assert!(!report.is_live(111));
    assert!(report.is_live(50), "its clock is ahead, or ours went back");
    assert!(!report.stopped().is_live(100));
}
