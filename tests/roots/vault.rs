//! `vault-transit` against `OpenBao`: what it wraps, for whom, and what it refuses.

use std::sync::LazyLock;

use postern_envelope::SystemEntropy;
use postern_keyring::roots::{OpenError, Trouble};
use postern_keyring::{RingFileError, RootError, ring_file};
use postern_testkit::OpenBao;

use crate::support::{Client, id, key, new_ring, round_trip, serves};

/// The server of the tests that leave it as it is.
pub(crate) static SERVER: LazyLock<OpenBao> = LazyLock::new(OpenBao::start);

fn client() -> Client {
    Client::new(&SERVER, &SERVER.token(&["-ttl=1h"]))
}

#[test]
fn a_wrapped_key_unwraps_under_its_own_id_alone() {
    let client = client();
    let root = client.open().unwrap();
    let wrapped = root.wrap_key(id(3), &key(), &SystemEntropy).unwrap();
    assert!(wrapped.starts_with(b"vault:v1:"), "the engine's own form");
    assert!(root.unwrap_key(id(3), &wrapped).unwrap().expose() == key().expose());
    assert_eq!(root.unwrap_key(id(4), &wrapped).err(), Some(RootError::Foreign));
}

#[test]
fn what_was_changed_or_wrapped_elsewhere_is_foreign() {
    let client = client();
    let root = client.open().unwrap();
    let mut wrapped = root.wrap_key(id(3), &key(), &SystemEntropy).unwrap();
    let last = wrapped.len() - 3;
    wrapped[last] = if wrapped[last] == b'A' { b'B' } else { b'A' };
    assert_eq!(root.unwrap_key(id(3), &wrapped).err(), Some(RootError::Foreign));
    for other in [&b""[..], b"vault:v9:AAAA", b"no ciphertext", &[0xff; 104]] {
        assert_eq!(root.unwrap_key(id(3), other).err(), Some(RootError::Foreign), "{other:?}");
    }
}

#[test]
fn a_ring_lives_under_it_and_names_it() {
    let client = client();
    let (path, root) = (client.path("keyring.json"), client.open().unwrap());
    new_ring(&path, &*root);
    drop(root);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"root\": \"vault-transit\""), "{text}");
    assert!(serves(&ring_file::load(&path, &*client.open().unwrap()).unwrap()));
}

#[test]
fn the_ring_of_another_key_does_not_load() {
    SERVER.add_key("postern-other");
    let own = client();
    let path = own.path("keyring.json");
    new_ring(&path, &*own.open().unwrap());
    let other = client().with_key("postern-other");
    let failure = ring_file::load(&path, &*other.open().unwrap()).err().unwrap();
    assert_eq!(failure, RingFileError::WrongRoot(id(1)));
}

#[test]
fn a_key_that_is_not_there_is_a_refusal_and_is_not_made() {
    let client = client().with_key("postern-absent");
    let root = client.open().unwrap();
    assert_eq!(root.wrap_key(id(1), &key(), &SystemEntropy).err(), Some(RootError::Denied));
    assert_eq!(root.unwrap_key(id(1), b"vault:v1:AAAA").err(), Some(RootError::Denied));
    assert!(!SERVER.run(&["list", "transit/keys"]).contains("postern-absent"));
}

#[test]
fn a_token_that_the_server_does_not_know_ends_the_start_at_once() {
    let token = "s.canaryCanaryCanary000000";
    let error = Client::new(&SERVER, token).open().err().unwrap();
    assert!(matches!(error, OpenError::Refused { trouble: Trouble::Refused, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&SERVER.address()) && text.contains("key postern of transit"), "{text}");
    assert!(!format!("{text} {error:?}").contains("canary"), "{text}");
}

#[test]
fn a_server_under_another_authority_is_not_talked_to() {
    let other = OpenBao::start();
    let client = client().with(SERVER.ca().to_str().unwrap(), other.ca().to_str().unwrap()).waiting(1);
    let error = client.open().err().unwrap();
    assert!(matches!(error, OpenError::Unavailable { trouble: Trouble::Tls(_), .. }), "{error}");
}

#[test]
fn a_namespace_has_its_own_keys() {
    SERVER.run(&["namespace", "create", "team"]);
    let namespace = "-namespace=team";
    SERVER.run(&["secrets", "enable", namespace, "transit"]);
    SERVER.run(&["write", namespace, "-f", "transit/keys/postern"]);
    let scratch = client();
    let policy = scratch.path("team.hcl");
    std::fs::write(&policy, "path \"transit/+/postern\" { capabilities = [\"update\"] }").unwrap();
    SERVER.run(&["policy", "write", namespace, "postern", policy.to_str().unwrap()]);
    let token = SERVER.run(&["token", "create", namespace, "-field=token", "-policy=postern"]);

    let client =
        Client::new(&SERVER, token.trim()).with("key = 'postern'", "key = 'postern'\nnamespace = 'team'");
    let root = client.open().unwrap();
    round_trip(&*root);
    let wrapped = root.wrap_key(id(1), &key(), &SystemEntropy).unwrap();
    assert_eq!(self::client().open().unwrap().unwrap_key(id(1), &wrapped).err(), Some(RootError::Foreign));
}
