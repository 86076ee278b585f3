use std::sync::atomic::{AtomicU32, Ordering};

use postern_envelope::SystemEntropy;

use super::*;

/// Not there for some attempts; then wraps by writing the id in front.
struct Fake {
    attempts: Arc<AtomicU32>,
    absent: u32,
    then: Result<(), Trouble>,
}

impl Service for Fake {
    const KIND: &'static str = "fake";

    async fn check(&self) -> Result<(), Trouble> {
        let before = self.attempts.fetch_add(1, Ordering::Relaxed);
        if before < self.absent { Err(Trouble::Sealed) } else { self.then.clone() }
    }

    async fn keep(&self) {}

    async fn wrap(&self, id: KeyId, key: KeyBytes) -> Result<Vec<u8>, Trouble> {
        assert_ne!(id.get(), 13, "a defect");
        Ok([&id.to_be_bytes(), key.as_slice()].concat())
    }

    async fn unwrap(&self, id: KeyId, wrapped: Vec<u8>) -> Result<KeyBytes, Trouble> {
        let key = wrapped.strip_prefix(&id.to_be_bytes()).ok_or(Trouble::Foreign)?;
        Ok(Zeroizing::new(key.to_vec()))
    }
}

/// Opens a root, and returns the number of attempts.
fn open(
    absent: u32,
    then: Result<(), Trouble>,
    patience: Duration,
) -> (Result<Remote<Fake>, OpenError>, u32) {
    let attempts = Arc::new(AtomicU32::new(0));
    let fake = Fake { attempts: Arc::clone(&attempts), absent, then };
    let root = Remote::open("the fake".into(), patience, async { fake });
    (root, attempts.load(Ordering::Relaxed))
}

fn id(number: u32) -> KeyId {
    KeyId::new(number).unwrap()
}

#[test]
fn it_is_waited_for() {
    let (root, attempts) = open(2, Ok(()), Duration::from_secs(30));
    assert!(root.is_ok());
    assert_eq!(attempts, 3);
}

#[test]
fn after_the_patience_the_error_names_the_cause() {
    let (root, attempts) = open(1000, Ok(()), Duration::from_millis(500));
    let error = root.err().unwrap();
    assert!(
        matches!(&error, OpenError::Unavailable { root, trouble: Trouble::Sealed, .. } if root == "the fake")
    );
    assert!((2..=4).contains(&attempts), "{attempts}");
}

#[test]
fn without_patience_it_is_asked_once() {
    assert!(open(0, Ok(()), Duration::ZERO).0.is_ok());
    let (root, attempts) = open(1, Ok(()), Duration::ZERO);
    assert!(matches!(root.err().unwrap(), OpenError::Unavailable { trouble: Trouble::Sealed, .. }));
    assert_eq!(attempts, 1);
}

#[test]
fn a_refusal_is_final() {
    let (root, attempts) = open(1, Err(Trouble::Refused), Duration::from_secs(30));
    assert!(matches!(root.err().unwrap(), OpenError::Refused { trouble: Trouble::Refused, .. }));
    assert_eq!(attempts, 2);
}

#[test]
fn it_wraps_and_unwraps_under_the_id() {
    let root = open(0, Ok(()), Duration::ZERO).0.unwrap();
    let key = MasterKey::from_slice(&[7; 32]).unwrap();
    let wrapped = root.wrap_key(id(3), &key, &SystemEntropy).unwrap();
    assert!(root.unwrap_key(id(3), &wrapped).unwrap().expose() == key.expose());
    assert_eq!(root.unwrap_key(id(4), &wrapped).err(), Some(RootError::Foreign));
    assert_eq!(root.unwrap_key(id(3), &wrapped[..35]).err(), Some(RootError::Foreign), "31 bytes are no key");
}

#[test]
fn a_defect_is_an_outage_of_one_call() {
    let root = open(0, Ok(()), Duration::ZERO).0.unwrap();
    let key = MasterKey::from_slice(&[7; 32]).unwrap();
    assert_eq!(root.wrap_key(id(13), &key, &SystemEntropy).err(), Some(RootError::Unavailable));
    assert!(root.wrap_key(id(14), &key, &SystemEntropy).is_ok());
}
