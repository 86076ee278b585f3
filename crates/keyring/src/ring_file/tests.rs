use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::Barrier, thread};

use postern_domain::Secret;
use postern_envelope::SystemEntropy;
use serde_json::{Value, json};

use super::*;
use crate::{
    FileRoot,
    test_support::{CountingEntropy, NEW_YEAR, NewYear, NoEntropy, context, root},
};

/// A folder with a root and a ring file made of it.
struct Fixture {
    _folder: tempfile::TempDir,
    root: FileRoot,
    path: PathBuf,
}

impl Fixture {
    fn empty() -> Self {
        let (folder, root) = root(1);
        let path = folder.path().join("keyring.json");
        Self { _folder: folder, root, path }
    }

    fn created() -> Self {
        let fixture = Self::empty();
        fixture.create().unwrap();
        fixture
    }

    fn create(&self) -> Result<LoadedRing, RingFileError> {
        create(&self.path, &self.root, &CountingEntropy::default(), &NewYear)
    }

    fn refusal(&self) -> Option<RingFileError> {
        load(&self.path, &self.root).err()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.path).unwrap()).unwrap()
    }

    /// Changes the file's JSON, and leaves the checksum as it is.
    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut json = self.json();
        change(&mut json);
        fs::write(&self.path, serde_json::to_vec(&json).unwrap()).unwrap();
    }

    /// Writes a ring of these keys (id, state) with a fitting checksum.
    fn write(&self, keys: &[(u32, KeyState)]) {
        let stored = keys.iter().map(|&(number, state)| {
            let info = KeyInfo { id: KeyId::new(number).unwrap(), state, created_at: 1, state_since: 2 };
            let key = MasterKey::from_slice(&[7; 32]).unwrap();
            let wrapped = self.root.wrap_key(info.id, &key, &CountingEntropy::default()).unwrap();
            StoredKey::new(info, (state != KeyState::Destroyed).then(|| BASE64.encode(wrapped)))
        });
        self.write_stored(stored.collect());
    }

    fn write_stored(&self, keys: Vec<StoredKey>) {
        fs::write(&self.path, RingDocument::new(4, "file", keys).to_bytes()).unwrap();
    }
}

fn secret() -> Secret {
    Secret::new(b"hunter2".to_vec())
}

#[test]
fn a_created_ring_is_private_and_loads_as_the_same_ring() {
    let fixture = Fixture::empty();
    let created = fixture.create().unwrap();
    assert_eq!(fs::metadata(&fixture.path).unwrap().permissions().mode() & 0o7777, 0o600);
    let folder = fs::read_dir(fixture.path.parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 3, "root, ring and lock, and no temporary file");

    let loaded = load(&fixture.path, &fixture.root).unwrap();
    let sealed = created.seal(&context(), &secret(), &SystemEntropy).unwrap();
    assert!(loaded.open(&context(), &sealed).unwrap().secret == secret());
    assert_eq!(loaded.revision(), 1);
    assert_eq!(loaded.primary(), KeyId::FIRST);
    assert_eq!(loaded.keys(), created.keys());
    assert_eq!(loaded.keys()[0].created_at, NEW_YEAR);
}

/// The expectation was computed by another implementation. Rings on disk depend on it: when this test fails,
/// the change needs a new version instead.
#[test]
fn the_file_does_not_drift() {
    let expected = include_str!("v1.json");
    let fixture = Fixture::created();
    assert_eq!(fs::read_to_string(&fixture.path).unwrap(), expected);
}

#[test]
fn an_existing_ring_is_not_overwritten() {
    let fixture = Fixture::created();
    let before = fs::read(&fixture.path).unwrap();
    assert_eq!(fixture.create().err(), Some(RingFileError::Exists));
    assert_eq!(fs::read(&fixture.path).unwrap(), before);
}

#[test]
fn without_randomness_or_a_folder_no_ring_is_made() {
    let mut fixture = Fixture::empty();
    let refused = create(&fixture.path, &fixture.root, &NoEntropy, &NewYear).err();
    assert_eq!(refused, Some(RingFileError::Entropy(EntropyError)));
    assert!(!fixture.path.exists());
    fixture.path = fixture.path.with_file_name("none").join("keyring.json");
    assert_eq!(fixture.create().err(), Some(RingFileError::Io(io::ErrorKind::NotFound)));
}

#[test]
fn a_missing_ring_is_reported() {
    assert_eq!(Fixture::empty().refusal(), Some(RingFileError::Missing));
}

#[test]
fn what_is_not_the_expected_json_is_malformed() {
    let fixture = Fixture::created();
    for text in ["", "{", "[]", "null", "{}", r#"{"version":"1"}"#, r#"{"version":-1}"#, r#"{"version":1}"#] {
        fs::write(&fixture.path, text).unwrap();
        assert_eq!(fixture.refusal(), Some(RingFileError::Malformed), "{text}");
    }
    fs::write(&fixture.path, vec![b' '; FILE_BYTES + 1]).unwrap();
    assert_eq!(fixture.refusal(), Some(RingFileError::Malformed));
}

#[test]
fn unknown_and_missing_members_are_malformed() {
    let changes: [fn(&mut Value); 8] = [
        |json| json["note"] = json!("hello"),
        |json| json["keys"][0]["note"] = json!("hello"),
        |json| json["keys"][0]["id"] = json!(0),
        |json| json["keys"][0]["state"] = json!("Primary"),
        |json| json["keys"][0]["created_at"] = json!(-1),
        |json| drop(json["keys"][0].as_object_mut().unwrap().remove("wrapped")),
        |json| drop(json.as_object_mut().unwrap().remove("checksum")),
        |json| drop(json.as_object_mut().unwrap().remove("root")),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let fixture = Fixture::created();
        fixture.edit(change);
        assert_eq!(fixture.refusal(), Some(RingFileError::Malformed), "change {number}");
    }
    let fixture = Fixture::created();
    let twice = fs::read_to_string(&fixture.path).unwrap().replacen('{', r#"{"revision": 1,"#, 1);
    fs::write(&fixture.path, twice).unwrap();
    assert_eq!(fixture.refusal(), Some(RingFileError::Malformed));
}

#[test]
fn another_version_is_reported_whatever_else_the_file_contains() {
    let fixture = Fixture::created();
    for version in [0, 2, u64::MAX] {
        fs::write(&fixture.path, format!(r#"{{"version":{version},"shape":"new"}}"#)).unwrap();
        assert_eq!(fixture.refusal(), Some(RingFileError::Version(version)));
    }
}

#[test]
fn every_edit_shows_in_the_checksum() {
    let changes: [fn(&mut Value); 8] = [
        |json| json["revision"] = json!(2),
        |json| json["root"] = json!("vault-transit"),
        |json| json["keys"] = json!([]),
        |json| json["keys"][0]["id"] = json!(2),
        |json| json["keys"][0]["state"] = json!("active"),
        |json| json["keys"][0]["created_at"] = json!(0),
        |json| json["keys"][0]["state_since"] = json!(0),
        |json| json["keys"][0]["wrapped"] = json!("AAAA"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let fixture = Fixture::created();
        fixture.edit(change);
        assert_eq!(fixture.refusal(), Some(RingFileError::Checksum), "change {number}");
    }
}

#[test]
fn white_space_and_order_do_not_matter() {
    let fixture = Fixture::created();
    fixture.edit(|_| {});
    assert_eq!(fixture.refusal(), None);
}

#[test]
fn the_wrong_root_is_reported() {
    let fixture = Fixture::created();
    let (_folder, other) = root(2);
    assert_eq!(load(&fixture.path, &other).err(), Some(RingFileError::WrongRoot(KeyId::FIRST)));

    let document = RingDocument::parse(&fs::read(&fixture.path).unwrap()).unwrap();
    let renamed = RingDocument::new(1, "vault-transit", document.keys);
    fs::write(&fixture.path, renamed.to_bytes()).unwrap();
    assert_eq!(fixture.refusal(), Some(RingFileError::RootKind));
}

#[test]
fn a_ring_has_one_primary_and_each_id_once() {
    use KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let fixture = Fixture::empty();
    let two = KeyId::new(2).unwrap();
    let cases: [(&[(u32, KeyState)], RingFileError); 6] = [
        (&[], RingFileError::NoPrimary),
        (&[(1, Active), (2, Staged)], RingFileError::NoPrimary),
        (&[(1, Primary), (2, Primary)], RingFileError::SeveralPrimaries),
        (&[(2, Primary), (2, Active)], RingFileError::DuplicateId(two)),
        (&[(2, Active), (1, Primary), (2, Disabled)], RingFileError::DuplicateId(two)),
        (&[(2, Destroyed), (2, Primary)], RingFileError::DuplicateId(two)),
    ];
    for (keys, refusal) in cases {
        fixture.write(keys);
        assert_eq!(fixture.refusal(), Some(refusal), "{keys:?}");
    }
}

#[test]
fn a_ring_with_keys_in_all_states_loads() {
    use KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let fixture = Fixture::empty();
    let states = [(1, Destroyed), (2, Disabled), (3, Active), (4, Primary), (5, Staged)];
    fixture.write(&states);
    let ring = load(&fixture.path, &fixture.root).unwrap();
    assert_eq!((ring.revision(), ring.primary().get()), (4, 4));
    let listed: Vec<_> = ring.keys().iter().map(|key| (key.id.get(), key.state)).collect();
    assert_eq!(listed, states);
}

#[test]
fn only_keys_that_may_open_are_unwrapped() {
    let fixture = Fixture::empty();
    let (_folder, other) = root(2);
    for (state, refusal) in [(KeyState::Disabled, None), (KeyState::Active, Some(KeyId::new(2).unwrap()))] {
        let stored =
            [(&fixture.root, 1, KeyState::Primary), (&other, 2, state)].map(|(root, number, state)| {
                let info = KeyInfo { id: KeyId::new(number).unwrap(), state, created_at: 1, state_since: 2 };
                let key = MasterKey::from_slice(&[7; 32]).unwrap();
                let wrapped = root.wrap_key(info.id, &key, &CountingEntropy::default()).unwrap();
                StoredKey::new(info, Some(BASE64.encode(wrapped)))
            });
        fixture.write_stored(stored.into());
        assert_eq!(fixture.refusal(), refusal.map(RingFileError::WrongRoot), "{state:?}");
    }
}

#[test]
fn a_key_is_wrapped_unless_it_is_destroyed() {
    let fixture = Fixture::created();
    let primary = || RingDocument::parse(&fs::read(&fixture.path).unwrap()).unwrap().keys.remove(0);
    let original = fs::read(&fixture.path).unwrap();
    let odd = [
        (KeyState::Destroyed, Some("AAAA")),
        (KeyState::Disabled, None),
        (KeyState::Active, None),
        (KeyState::Active, Some("not base64")),
    ];
    for (state, wrapped) in odd {
        let info = KeyInfo { id: KeyId::new(2).unwrap(), state, created_at: 1, state_since: 2 };
        let keys = vec![primary(), StoredKey::new(info, wrapped.map(str::to_owned))];
        fixture.write_stored(keys);
        assert_eq!(fixture.refusal(), Some(RingFileError::Malformed), "{state:?} {wrapped:?}");
        fs::write(&fixture.path, &original).unwrap();
    }
}

#[test]
fn of_many_that_race_one_creates_and_all_hold_the_same_ring() {
    let fixture = Fixture::empty();
    let barrier = Barrier::new(16);
    let sealed: Vec<Vec<u8>> = thread::scope(|scope| {
        let race = || {
            barrier.wait();
            let ring = load_or_create(&fixture.path, &fixture.root, &SystemEntropy, &NewYear).unwrap();
            ring.seal(&context(), &secret(), &SystemEntropy).unwrap()
        };
        let racers: Vec<_> = (0..16).map(|_| scope.spawn(race)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let ring = load(&fixture.path, &fixture.root).unwrap();
    assert!(sealed.iter().all(|sealed| ring.open(&context(), sealed).is_ok()));
}
