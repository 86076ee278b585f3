use std::{collections::BTreeMap, time::Duration};

use postern_envelope::KeyId;

use super::*;
use crate::live_ring::{UseCounts, presence::LIVE};

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

fn all(reports: &Reports) -> Vec<Report> {
    reports.all().unwrap().into_iter().map(|peer| peer.report).collect()
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
    assert_eq!(all(&reports), [report("one", 7), report("two", 5)]);
    assert_eq!(reports.of(&name("one")).unwrap().unwrap().uses()[&id(1)].opens, 2);
    assert_eq!(fs::read_dir(folder.path().join("replicas")).unwrap().count(), 2);
}

/// Files on disk depend on it: a replica of the next release reads it.
#[test]
fn the_file_does_not_drift() {
    let text = serde_json::to_string(&report("one", 5)).unwrap();
    let expected = r#"{"name":"one","revision":4,"latest":4,"loaded":[1,2],"uses":[{"id":1,"seals":1,"opens":2,"last_use":3}],"reported_at":5,"stopped":false}"#;
    assert_eq!(text, expected);
}

#[test]
fn what_a_killed_writer_left_and_foreign_files_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let reports = reports(folder.path());
    reports.put(&report("one", 5)).unwrap();
    let replicas = folder.path().join("replicas");
    fs::write(replicas.join("one.tmp"), "{\"na").unwrap();
    fs::write(replicas.join(".hidden.json"), "{").unwrap();
    fs::write(replicas.join("posing.json"), serde_json::to_vec(&report("two", 5)).unwrap()).unwrap();
    fs::write(replicas.join("notes.txt"), "hello").unwrap();
    assert_eq!(all(&reports), [report("one", 5)]);
    reports.put(&report("one", 6)).unwrap();
    assert_eq!(all(&reports), [report("one", 6)]);
}

/// What runs and cannot be read must not be passed over: it may lack the key that is to be promoted.
#[test]
fn a_replica_whose_report_cannot_be_read_has_loaded_nothing_as_far_as_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let reports = reports(folder.path());
    reports.put(&report("one", 5)).unwrap();
    let replicas = folder.path().join("replicas");
    for (file, text) in [("broken", "{"), ("later", r#"{"name":"later","version":2}"#), ("long", "")] {
        fs::write(replicas.join(format!("{file}.json")), text).unwrap();
    }
    fs::create_dir(replicas.join("odd.json")).unwrap();
    std::os::unix::fs::symlink("round.json", replicas.join("round.json")).unwrap();
    let peers = reports.all().unwrap();
    let told: Vec<_> =
        peers.iter().map(|peer| (peer.report.name.as_str(), peer.report.loaded.len(), peer.live)).collect();
    let expected = [
        ("broken", 0, true),
        ("later", 0, true),
        ("long", 0, true),
        ("odd", 0, true),
        ("one", 2, true),
        ("round", 0, true),
    ];
    assert_eq!(told, expected);

    // An unreadable report that is never replaced does not belong to a running replica.
    let broken = File::options().append(true).open(replicas.join("broken.json")).unwrap();
    let written = broken.metadata().unwrap().modified().unwrap();
    broken.set_modified(written - LIVE - Duration::from_secs(5)).unwrap();
    let later = Reports::beside(&folder.path().join("keyring.json"));
    later.put(&report("one", 6)).unwrap();
    assert!(!later.all().unwrap()[0].live);
}

#[test]
fn a_replica_that_has_stopped_is_not_live() {
    let folder = tempfile::tempdir().unwrap();
    let reports = reports(folder.path());
    reports.put(&report("one", 5)).unwrap();
    assert!(reports.all().unwrap()[0].live);
    reports.put(&report("one", 5).stopped()).unwrap();
    assert!(!reports.all().unwrap()[0].live);
}
