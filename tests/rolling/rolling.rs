//! Every replica is restarted again and again under load, while keys rotate and certificates are renewed, and no caller
//! notices.

use std::{
    fmt::Debug,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use postern_testkit::{Envoy, TenantServer, Upstream};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    installation::{Installation, try_run, url_of},
    load::Load,
    log,
    replica::Replica,
};

/// Requests per second: what two cores carry in a debug build beside everything else. `POSTERN_ROLLING_RATE` sets
/// another.
const RATE: u32 = 50;

/// Restarts of each replica. `POSTERN_ROLLING_RESTARTS` sets another number.
const RESTARTS: u32 = 10;

/// Seconds. Envoy and the callers of crypto-service ask replicas four times a second whether they are ready.
const LAME_DUCK: u32 = 2;

/// Far more than a rotation takes.
const LONG: Duration = Duration::from_mins(2);

/// The replicas, by service.
struct Replicas {
    crypto: [Replica; 2],
    connection: [Replica; 2],
    proxy: [Replica; 2],
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_fail_no_request_even_while_keys_and_certificates_change() {
    let (rate, restarts) =
        (setting("POSTERN_ROLLING_RATE", RATE), setting("POSTERN_ROLLING_RESTARTS", RESTARTS));
    let mut installation = Installation::new().await;
    installation.lame_duck = LAME_DUCK;
    let tenant = TenantServer::shared().await.database("secret").await;
    let mut replicas = start(&installation).await;
    let ports = |replicas: &[Replica]| replicas.iter().map(|one| (one.port, one.ops_port)).collect();
    let envoy = Envoy::start(&[
        Upstream {
            service: "postern.connection.v1.ConnectionService",
            replicas: ports(&replicas.connection),
        },
        Upstream { service: "postern.proxy.v1.ProxyService", replicas: ports(&replicas.proxy) },
    ]);
    let users: Vec<_> =
        (0..8).map(|number| installation.user(&format!("user-{number}"), &envoy.url())).collect();
    for user in &users {
        user.save("main", tenant.dsn("secret")).await.unwrap();
    }

    let mut load = Load::start(users.clone(), tenant.dsn("secret"), rate);
    load.phase("restarts");
    let third = restarts / 3;
    replicas.restart(restarts - 2 * third).await;

    load.phase("restarts and rotations");
    let (over, mut rotations) = (AtomicBool::new(false), 0);
    let restarting = async {
        replicas.restart(third).await;
        over.store(true, Relaxed);
    };
    let rotating = async {
        loop {
            let rotated = timeout(LONG, rotate(&installation)).await;
            rotated.unwrap_or_else(|_| panic!("a rotation does not end\n{}", log::tail()));
            rotations += 1;
            if over.load(Relaxed) {
                break;
            }
        }
    };
    tokio::join!(restarting, rotating);

    load.phase("restarts and renewals");
    let (over, mut renewals) = (AtomicBool::new(false), 0);
    let restarting = async {
        replicas.restart(third).await;
        over.store(true, Relaxed);
    };
    let renewing = async {
        loop {
            renewals += 1;
            installation.renew_certificates(renewals);
            sleep(Duration::from_secs(1)).await;
            if over.load(Relaxed) {
                break;
            }
        }
    };
    tokio::join!(restarting, renewing);

    let done = load.finish().await;
    println!("{restarts} restarts of each of 6 replicas, {rotations} rotations, {renewals} renewals: {done}");
    assert!(done.failures.is_empty(), "{done}\n{}", log::tail());
    assert!(done.requests > 0 && done.finished > 0 && done.cut > 0, "{done}");
    assert!(rotations > 0 && renewals > 0 && log::has("the certificates were read again"));
    for user in &users {
        for connection in ["main", "saved"] {
            user.query(connection, "select 1").await.unwrap();
        }
    }
    replicas.stop().await;
}

async fn start(installation: &Installation) -> Replicas {
    let crypto = [installation.crypto("crypto-one"), installation.crypto("crypto-two")];
    let url = url_of(&[&crypto[0], &crypto[1]]);
    installation.configure_operator(&url);
    installation.initialize(&crypto[0]).await;
    let connection = ["connection-one", "connection-two"].map(|name| installation.connection(name, &url));
    let proxy = ["proxy-one", "proxy-two"].map(|name| installation.proxy(name, &url));
    let mut replicas = Replicas { crypto, connection, proxy };
    for replica in replicas.all() {
        replica.spawn().await;
    }
    for replica in replicas.all() {
        replica.is_ready().await;
    }
    replicas
}

impl Replicas {
    fn all(&mut self) -> impl Iterator<Item = &mut Replica> {
        self.crypto.iter_mut().chain(&mut self.connection).chain(&mut self.proxy)
    }

    /// Restarts every replica so many times. The other replica of each service serves meanwhile: the next restart waits
    /// until callers have found the replica again.
    async fn restart(&mut self, times: u32) {
        for _ in 0..times {
            for number in 0..2 {
                tokio::join!(
                    restart(&mut self.crypto[number], "postern.crypto.v1.CryptoService"),
                    restart(&mut self.connection[number], "postern.connection.v1.ConnectionService"),
                    restart(&mut self.proxy[number], "postern.proxy.v1.ProxyService"),
                );
            }
        }
    }

    async fn stop(&mut self) {
        futures_util::future::join_all(self.all().map(Replica::stop)).await;
    }
}

async fn restart(replica: &mut Replica, rpcs: &str) {
    replica.stop().await;
    replica.start().await;
    replica.is_called(rpcs).await;
}

/// One rotation, from a new key to the end of the old one, as the operations guide says.
async fn rotate(installation: &Installation) {
    let old = primary(&status(installation).await);
    let new = loop {
        let ring = status(installation).await;
        match last(&ring) {
            new if state_of(&ring, new) == Some("staged") => break new,
            _ => drop(attempt(installation, &["keyring", "stage"]).await),
        }
    };
    let (from, to) = (old.to_string(), new.to_string());
    until(installation, &["keyring", "promote", &to, "--wait"], new, "primary").await;
    // A seal that was made a moment before the promotion may be stored a moment after the rewrap has passed.
    while state_of(&status(installation).await, old) != Some("disabled") {
        if attempt(installation, &["rewrap"]).await {
            attempt(installation, &["keyring", "disable", &from]).await;
        }
    }
    until(installation, &["keyring", "destroy", &from, "--yes"], old, "destroyed").await;
}

/// Runs a command until the key is in the state. The command's answer may be lost with the replica that gives it.
async fn until(installation: &Installation, arguments: &[&str], key: u64, state: &str) {
    while state_of(&status(installation).await, key) != Some(state) {
        attempt(installation, arguments).await;
    }
}

/// Runs a command. While a replica restarts, it may be refused for the moment.
async fn attempt(installation: &Installation, arguments: &[&str]) -> bool {
    match try_run(installation.postern(arguments)).await {
        Ok(_) => true,
        Err((Some(3 | 4), _)) => false,
        Err((code, stderr)) => panic!("postern {}: {code:?} {stderr}\n{}", arguments.join(" "), log::tail()),
    }
}

async fn status(installation: &Installation) -> Value {
    loop {
        let status = try_run(installation.postern(&["--json", "keyring", "status"])).await;
        match status {
            Ok(text) => return serde_json::from_str(&text).unwrap(),
            Err((Some(4), _)) => sleep(Duration::from_millis(200)).await,
            Err((code, stderr)) => panic!("postern keyring status: {code:?} {stderr}"),
        }
    }
}

fn state_of(ring: &Value, id: u64) -> Option<&str> {
    ring["keys"].as_array()?.iter().find(|key| key["id"] == id)?["state"].as_str()
}

fn primary(ring: &Value) -> u64 {
    let keys = ring["keys"].as_array().unwrap();
    keys.iter().find(|key| key["state"] == "primary").unwrap()["id"].as_u64().unwrap()
}

fn last(ring: &Value) -> u64 {
    ring["keys"].as_array().unwrap().last().unwrap()["id"].as_u64().unwrap()
}

/// A number from the environment.
fn setting<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}
