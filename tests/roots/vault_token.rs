//! The token of a `vault-transit` root: renewed, replaced, revoked.

use std::{thread, time::Duration};

use postern_envelope::SystemEntropy;
use postern_keyring::RootError;

use crate::{
    log,
    support::{Client, id, key, round_trip},
    vault::SERVER,
};

/// The path of the token in the server's own listing of it.
fn accessor(token: &str) -> String {
    let looked_up = SERVER.run(&["token", "lookup", token]);
    let line = looked_up.lines().find(|line| line.starts_with("accessor")).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_token_is_renewed_for_as_long_as_the_root_is_used() {
    let token = SERVER.token(&["-period=4s"]);
    let accessor = accessor(&token);
    let root = Client::new(&SERVER, &token).open().unwrap();
    thread::sleep(Duration::from_secs(9));
    round_trip(&*root);
    assert!(SERVER.run(&["token", "lookup", "-accessor", &accessor]).contains("last_renewal"));
    drop(root);
    thread::sleep(Duration::from_secs(6));
    let ended = std::panic::catch_unwind(|| SERVER.run(&["token", "lookup", "-accessor", &accessor]));
    assert!(ended.is_err(), "nobody renews it once the root is dropped");
}

#[test]
fn a_token_that_may_not_live_longer_is_announced_and_then_reported() {
    log::keep();
    SERVER.add_key("postern-ending");
    let client =
        Client::new(&SERVER, &SERVER.token(&["-ttl=6s", "-explicit-max-ttl=9s"])).with_key("postern-ending");
    let root = client.open().unwrap();
    round_trip(&*root);
    log::wait_for("key postern-ending", "expires soon and cannot be renewed any further");
    log::wait_for("key postern-ending", "the root's token could not be renewed: it refused the credential");
    assert_eq!(root.wrap_key(id(1), &key(), &SystemEntropy).err(), Some(RootError::Denied));
    // A new one in the file heals it.
    client.write_token(&SERVER.token(&["-ttl=1h"]));
    round_trip(&*root);
}

#[test]
fn a_token_that_cannot_be_renewed_is_announced_before_it_ends() {
    log::keep();
    SERVER.add_key("postern-short");
    // Of the type batch: it ends when its time is over.
    let token = SERVER.token(&["-ttl=5s", "-type=batch"]);
    let client = Client::new(&SERVER, &token).with_key("postern-short");
    let root = client.open().unwrap();
    round_trip(&*root);
    log::wait_for("key postern-short", "expires soon and cannot be renewed any further");
    log::wait_for("key postern-short", "the root's token could not be renewed: it refused the credential");
    assert_eq!(root.wrap_key(id(1), &key(), &SystemEntropy).err(), Some(RootError::Denied));
    client.write_token(&SERVER.token(&["-ttl=1h"]));
    round_trip(&*root);
}

#[test]
fn a_token_that_was_replaced_in_its_file_is_taken_up() {
    log::keep();
    SERVER.add_key("postern-replaced");
    let first = SERVER.token(&["-ttl=1h"]);
    let client = Client::new(&SERVER, &first).with_key("postern-replaced");
    let root = client.open().unwrap();
    client.write_token(&SERVER.token(&["-ttl=1h"]));
    log::wait_for("key postern-replaced", "the root's token was replaced");
    SERVER.run(&["token", "revoke", &first]);
    round_trip(&*root);
}

#[test]
fn a_revoked_token_whose_successor_is_there_already_fails_no_call() {
    let first = SERVER.token(&["-ttl=1h"]);
    let client = Client::new(&SERVER, &first);
    let root = client.open().unwrap();
    client.write_token(&SERVER.token(&["-ttl=1h"]));
    SERVER.run(&["token", "revoke", &first]);
    round_trip(&*root);
}
