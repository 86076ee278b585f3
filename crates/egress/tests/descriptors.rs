//! Dialling while the process has no file descriptors left. The only test of its process, whose limit it lowers.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs::File, sync::Arc};

use postern_domain::Host;
use postern_egress::{Dialer, EgressError, Policy, SystemResolver};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_dial_without_descriptors_does_not_blame_the_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
    let hosts = ["127.0.0.1", "localhost"].map(|host| Host::parse(host).unwrap());
    dialer.dial(&hosts[0], port).await.unwrap();

    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: before.maximum }).unwrap();
    let held: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let mut failures = Vec::new();
    for host in &hosts {
        failures.push(dialer.dial(host, port).await.err());
    }
    drop(held);
    setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(failures, [Some(EgressError::OutOfDescriptors), Some(EgressError::OutOfDescriptors)]);
}
