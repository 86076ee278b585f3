//! A vault that is away or sealed, at start and later.

use std::{fs, thread, time::Duration};

use postern_domain::SystemClock;
use postern_envelope::SystemEntropy;
use postern_keyring::roots::{OpenError, Trouble};
use postern_keyring::{RingFileError, RootError, ring_file};
use postern_testkit::OpenBao;

use crate::{
    log,
    support::{Client, id, key, new_ring, round_trip, serves},
};

#[test]
fn an_outage_is_waited_for_at_start_and_survived_later() {
    log::keep();
    let mut server = OpenBao::start();
    let token = server.token(&["-ttl=1h"]);
    let client = Client::new(&server, &token);
    let path = client.path("keyring.json");
    let ring = {
        let root = client.open().unwrap();
        new_ring(&path, &*root)
    };

    // Not there at start, and not in time: an error that names the root, and not the token.
    server.stop();
    let error = Client::new(&server, &token).waiting(1).open().err().unwrap();
    assert!(matches!(error, OpenError::Unavailable { trouble: Trouble::Unreachable, .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(&server.address()) && text.contains("within 1 s"), "{text}");
    assert!(!text.contains(&token), "{text}");

    // Sealed at start, and not unsealed in time.
    server.resume();
    let error = Client::new(&server, &token).waiting(1).open().err().unwrap();
    assert!(matches!(error, OpenError::Unavailable { trouble: Trouble::Sealed, .. }), "{error}");

    // Unsealed while the start waits.
    let waiting = client.waiting(60);
    let (loaded, root) = thread::scope(|scope| {
        let start = scope.spawn(|| {
            let root = waiting.open().unwrap();
            (ring_file::load(&path, &*root).unwrap(), root)
        });
        log::wait_for(&server.address(), "the root is not ready, trying again: it is sealed");
        assert!(!start.is_finished());
        server.unseal();
        start.join().unwrap()
    });
    assert!(serves(&loaded));

    // Sealed later, then gone: what is in memory serves, and a change of the ring fails and leaves the file alone.
    let before = fs::read(&path).unwrap();
    server.seal();
    assert_eq!(root.wrap_key(id(2), &key(), &SystemEntropy).err(), Some(RootError::Unavailable));
    log::wait_for(&server.address(), "the root did not wrap a key: it is sealed");
    server.stop();
    assert_eq!(root.wrap_key(id(2), &key(), &SystemEntropy).err(), Some(RootError::Unavailable));
    log::wait_for(&server.address(), "the root did not wrap a key: it cannot be reached");
    let staged = ring_file::create(&path.with_extension("new"), &*root, &SystemEntropy, &SystemClock);
    assert_eq!(staged.err(), Some(RingFileError::RootUnavailable));
    assert!(!path.with_extension("new").exists());
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(serves(&ring) && serves(&loaded));

    // Back: the same root goes on, without a restart.
    server.resume();
    server.unseal();
    round_trip(&*root);
}

#[test]
fn a_token_file_that_is_not_there_yet_is_waited_for() {
    let server = &*crate::vault::SERVER;
    let client = Client::new(server, "");
    let token = server.token(&["-ttl=1h"]);
    thread::scope(|scope| {
        let start = scope.spawn(|| client.open().map(|root| round_trip(&*root)));
        thread::sleep(Duration::from_millis(500));
        client.write_token(&token);
        start.join().unwrap().unwrap();
    });
}
