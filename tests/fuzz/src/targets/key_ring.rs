//! A key ring file is what its description says, or it is refused; what is loaded can be changed and seals on.
//!
//! The checksum keeps a fuzzer from everything behind it, so that a second try gets a checksum that fits: computed
//! here, from the description of the format.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use arbitrary::Arbitrary;
use postern_domain::{EndpointDigest, OwnerId, Secret, SecretId, SystemClock, TenantKind};
use postern_envelope::{Entropy, KeyId, KeyState, MasterKey, SealContext};
use postern_keyring::{Base, ChangeError, LoadedRing, RingEditor, RingFileError, Root, RootError, ring_file};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Verdict,
    random::{self, InputEntropy},
    ring,
};

/// Loads the file as it is, with a checksum that fits, and a file with the keys that the bytes stand for.
pub fn check(input: &[u8]) -> Verdict {
    let folder = ring::folder();
    let path = folder.path().join("keyring.json");
    let as_it_is = load(&path, input);
    assert!(as_it_is.is_err() || checksummed(input).is_some(), "what is no ring was loaded");
    if let Some(case) = random::structure::<Case>(input) {
        check_loading(&path, case.file().as_bytes(), input);
    }
    check_loading(&path, input, input)
}

#[derive(Arbitrary)]
struct Case {
    revision: u64,
    keys: Vec<(u8, u8, u64, bool)>,
}

impl Case {
    fn file(&self) -> String {
        let keys = self.keys.iter().map(|&(id, state, time, fits)| {
            let state = STATES[usize::from(state) % STATES.len()];
            let wrapped = if fits == (state == "destroyed") { Value::Null } else { json!(WRAPPED) };
            json!({"id": id, "state": state, "created_at": time, "state_since": time, "wrapped": wrapped})
        });
        let keys: Vec<_> = keys.collect();
        json!({"version": 1, "revision": self.revision, "root": "fuzz", "keys": keys, "checksum": ""}).to_string()
    }
}

const STATES: [&str; 5] = ["destroyed", "disabled", "active", "primary", "staged"];

/// 32 bytes in base64.
const WRAPPED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn check_loading(path: &Path, file: &[u8], input: &[u8]) -> Verdict {
    let Some(document) = checksummed(file) else { return Verdict::Refused };
    let loaded = load(path, document.to_string().as_bytes());
    assert!(!matches!(loaded, Err(RingFileError::Checksum)), "the checksum is another than described");
    if let Ok(ring) = &loaded {
        is_as_written(ring, &document);
        goes_on(ring, path, input);
    }
    Verdict::of(&loaded)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let key = |id: u32, state: &str| {
        let wrapped = if state == "destroyed" { Value::Null } else { json!(WRAPPED) };
        json!({"id": id, "state": state, "created_at": 1_767_225_600, "state_since": 1_767_225_600, "wrapped": wrapped})
    };
    let ring = |revision: u64, keys: &[Value]| {
        json!({"version": 1, "revision": revision, "root": "fuzz", "keys": keys, "checksum": ""}).to_string().into_bytes()
    };
    let all: Vec<_> = (1..).zip(STATES).map(|(id, state)| key(id, state)).collect();
    vec![
        ring(1, &[key(1, "primary")]),
        ring(9, &all),
        ring(i64::MAX.cast_unsigned(), &[key(u32::MAX, "primary")]),
        ring(2, &[key(1, "primary"), key(1, "staged")]),
        ring(2, &[key(1, "primary"), key(2, "primary")]),
        ring(2, &[]),
    ]
}

fn load(path: &Path, file: &[u8]) -> Result<LoadedRing, RingFileError> {
    fs::write(path, file).expect("the folder is there");
    ring_file::load(path, &PlainRoot)
}

/// The document with the checksum that belongs to it; nothing for what is not of the described form.
fn checksummed(input: &[u8]) -> Option<Value> {
    let mut document: Value = serde_json::from_slice(input).ok()?;
    let text = |value: &Value| serde_json::to_string(value).ok();
    let keys: Option<Vec<String>> = document.get("keys")?.as_array()?.iter().map(|key| {
        let member = |name: &str| text(key.get(name)?);
        Some(format!(
            r#"{{"id":{},"state":{},"created_at":{},"state_since":{},"wrapped":{}}}"#,
            member("id")?, member("state")?, member("created_at")?, member("state_since")?, member("wrapped")?
        ))
    }).collect();
    let member = |name: &str| text(document.get(name)?);
    let covered = format!(
        r#"{{"version":{},"revision":{},"root":{},"keys":[{}]}}"#,
        member("version")?, member("revision")?, member("root")?, keys?.join(",")
    );
    let mut checksum = String::new();
    Sha256::digest(covered).iter().try_for_each(|byte| write!(checksum, "{byte:02x}")).ok()?;
    document["checksum"] = checksum.into();
    Some(document)
}

/// What is loaded says what the file says, by another reading of it.
fn is_as_written(ring: &LoadedRing, document: &Value) {
    assert_eq!((document["version"].as_u64(), document["revision"].as_u64()), (Some(1), Some(ring.revision())));
    assert!(ring.revision() <= i64::MAX.cast_unsigned(), "a revision that does not travel");
    let keys = document["keys"].as_array().expect("an array of keys");
    assert_eq!(keys.len(), ring.keys().len());
    for (key, info) in keys.iter().zip(ring.keys()) {
        assert_eq!(key["id"].as_u64(), Some(info.id.get().into()));
        assert_eq!(key["state"].as_str(), Some(info.state.as_str()));
        let times = (key["created_at"].as_u64(), key["state_since"].as_u64());
        assert_eq!(times, (Some(info.created_at), Some(info.state_since)));
        let opens = matches!(info.state, KeyState::Staged | KeyState::Primary | KeyState::Active);
        assert_eq!(ring.may_open(info.id), opens, "key {} that is {}", info.id, info.state);
        assert_eq!(key["wrapped"].is_null(), info.state == KeyState::Destroyed);
    }
    let ids: BTreeSet<_> = ring.keys().iter().map(|key| key.id).collect();
    assert_eq!(ids.len(), keys.len(), "two keys of one id");
    let primaries: Vec<_> = ring.keys().iter().filter(|key| key.state == KeyState::Primary).collect();
    assert!(matches!(primaries[..], [primary] if primary.id == ring.primary()), "not one primary key");
}

/// The ring seals, its file can be changed, and what it sealed opens after that. A change that fails leaves the file.
fn goes_on(ring: &LoadedRing, path: &Path, input: &[u8]) {
    let entropy = InputEntropy::new(input);
    let context = SealContext {
        owner: OwnerId(Uuid::nil()),
        secret: SecretId(Uuid::nil()),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([0; 32]),
    };
    let sealed = ring.seal(&context, &Secret::new(vec![1]), &entropy).expect("there is something to seal");
    let before = fs::read(path).expect("the ring was just loaded");
    let editor = RingEditor { path, root: &PlainRoot, entropy: &entropy, clock: &SystemClock };
    let rotated = editor
        .stage(Base { expected: Some(ring.revision()), held: Some(ring) })
        .and_then(|(id, held)| editor.promote(id, Base { expected: None, held: Some(&held) }).map(|ring| (id, ring)));
    let left = ring_file::load(path, &PlainRoot).expect("a change has left a file that does not load");
    match rotated {
        Ok((id, rotated)) => {
            assert!(ring.keys().iter().all(|key| key.id < id), "an id was given again");
            assert_eq!((rotated.primary(), left.primary(), left.revision()), (id, id, ring.revision() + 2));
            assert!(rotated.open(&context, &sealed).is_ok() && left.open(&context, &sealed).is_ok());
        }
        // The last id, or the last revision.
        Err(error) => {
            assert!(matches!(error, ChangeError::Full | ChangeError::Ring(RingFileError::Malformed)), "{error}");
            let unchanged = fs::read(path).is_ok_and(|after| after == before);
            assert!(unchanged || left.revision() == ring.revision() + 1, "half a change");
        }
    }
}

/// Wraps nothing: the file holds the keys themselves.
struct PlainRoot;

impl Root for PlainRoot {
    fn kind(&self) -> &'static str {
        "fuzz"
    }

    fn wrap_key(&self, _: KeyId, key: &MasterKey, _: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        Ok(key.expose().to_vec())
    }

    fn unwrap_key(&self, _: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        MasterKey::from_slice(wrapped).ok_or(RootError::Foreign)
    }
}
