//! Signing in to `OpenBao` with a service account, which a stand-in for the API of Kubernetes vouches for.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use postern_keyring::roots::{OpenError, Trouble};

use crate::{
    support::{Client, round_trip},
    vault::SERVER,
};

/// A token as a pod has one: `{"alg":"RS256"}`, and the account `crypto-service` in the namespace `postern`. Its
/// signature is for Kubernetes to check.
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.\
    eyJrdWJlcm5ldGVzLmlvIjp7Im5hbWVzcGFjZSI6InBvc3Rlcm4iLCJzZXJ2aWNlYWNjb3VudCI6eyJuYW1lIjoiY3J5cHRvLXNlcnZpY2UiLCJ1aWQiOiJ1MSJ9fX0.\
    c2ln";

/// What the API says of it.
const REVIEW: &str = r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true,
    "user":{"username":"system:serviceaccount:postern:crypto-service","uid":"u1","groups":["system:authenticated"]}}}"#;

/// The reviews that were asked for.
static REVIEWS: LazyLock<Arc<AtomicU32>> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let reviews = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&reviews);
    thread::spawn(move || {
        for stream in listener.incoming() {
            review(stream.unwrap());
            count.fetch_add(1, Ordering::Relaxed);
        }
    });

    SERVER.run(&["auth", "enable", "kubernetes"]);
    SERVER.run(&[
        "write",
        "auth/kubernetes/config",
        &format!("kubernetes_host={host}"),
        "token_reviewer_jwt=reviewer",
        "disable_local_ca_jwt=true",
        // Asked for, and not used: the stand-in speaks plain HTTP.
        &format!("kubernetes_ca_cert=@{}", SERVER.ca().display()),
    ]);
    SERVER.run(&[
        "write",
        "auth/kubernetes/role/postern",
        "bound_service_account_names=crypto-service",
        "bound_service_account_namespaces=postern",
        "policies=postern",
        "ttl=4s",
        "max_ttl=6s",
    ]);
    reviews
});

fn review(mut stream: TcpStream) {
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while request.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body).unwrap();
    assert!(String::from_utf8_lossy(&body).contains(JWT), "another token is reviewed");
    let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{REVIEW}", REVIEW.len()).unwrap();
}

fn client(role: &str) -> Client {
    LazyLock::force(&REVIEWS);
    let client = Client::new(&SERVER, "");
    fs::write(client.path("jwt"), JWT).unwrap();
    let (token, jwt) = (client.path("token"), client.path("jwt"));
    let auth = format!("{{ kubernetes = {{ role = '{role}', jwt_path = '{}' }} }}", jwt.display());
    client.with(&format!("{{ token_file = '{}' }}", token.display()), &auth)
}

#[test]
fn an_account_signs_in_again_before_its_token_ends() {
    let client = client("postern");
    let root = client.open().unwrap();
    let before = REVIEWS.load(Ordering::Relaxed);
    // Longer than any token of this role may live.
    thread::sleep(Duration::from_secs(8));
    round_trip(&*root);
    assert!(REVIEWS.load(Ordering::Relaxed) >= before + 2);
}

#[test]
fn a_role_that_the_account_does_not_have_ends_the_start_at_once() {
    let error = client("another").open().err().unwrap();
    assert!(matches!(error, OpenError::Refused { trouble: Trouble::Refused, .. }), "{error}");
}
