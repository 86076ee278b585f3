//! A tenant's host must not lead to the control database, by whatever name.

use std::{net::TcpListener, time::Duration};

use postern_chassis::{
    Lifecycle, Process,
    config::{CryptoClientConfig, DatabaseConfig, EdgeConfig, OpsConfig, TlsFiles},
};
use postern_egress::Policy;
use postern_proxy_service::{AdmissionLimits, Backends, Config, PoolLimits};
use postern_testkit::{ISSUER, Postern, TenantServer, User, reason};
use tonic::Status;

/// Runs a proxy-service of its own on the shared Postern's database. Returns its URL.
fn start_proxy(postern: &Postern, allow_own_addresses: bool, life: &Lifecycle) -> String {
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let files = postern.certificate("proxy-service");
    let tls = TlsFiles {
        certificate: files.certificate,
        key: files.key,
        ca: files.ca,
        trust_domain: "postern".to_owned(),
        namespace: None,
    };
    let issuer = serde_json::json!({
        "issuer": ISSUER,
        "audience": "postern",
        "jwks_url": format!("{}/dev/jwks.json", postern.url()),
    });
    let config = Config {
        ops: OpsConfig::default(),
        edge: EdgeConfig { listen, cors_origins: Vec::new(), trusted_proxies: Vec::new() },
        issuers: vec![serde_json::from_value(issuer).unwrap()],
        egress: Policy::development(),
        backends: Backends {
            database: DatabaseConfig::new(postern.state().join("urls/postern_proxy")),
            crypto: CryptoClientConfig { url: postern.crypto_url().to_owned(), tls },
            egress: Policy { allow_own_addresses, ..Policy::development() },
            pools: PoolLimits::default(),
            admission: AdmissionLimits::default(),
            cancel_on_change: true,
        },
    };
    tokio::spawn(postern_proxy_service::run(config, Process::shared("proxy-service", life)));
    format!("http://{listen}")
}

/// Asks until the service takes calls.
async fn ask(user: &User, connection: &str) -> Result<(), Status> {
    for _ in 0..600 {
        match user.query(connection, "select 1").await {
            Err(status) if status.code() == tonic::Code::Unavailable => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other.map(drop),
        }
    }
    panic!("proxy-service does not take calls");
}

#[tokio::test]
async fn a_host_that_leads_to_the_control_database_is_refused_unless_the_operator_allows_it() {
    let (postern, life) = (Postern::shared().await, Lifecycle::default());
    let tenant = TenantServer::shared().await.database("secret").await;
    let saves = postern.user("own-addresses");
    // The tenant's server is another one on the same machine: it is the address that counts.
    saves.save("by-address", tenant.dsn("secret")).await.unwrap();
    saves.save("by-name", tenant.dsn("secret").replace("127.0.0.1", "localhost")).await.unwrap();
    saves.save("mapped", tenant.dsn("secret").replace("127.0.0.1", "[::ffff:127.0.0.1]")).await.unwrap();

    let strict = User::new(&start_proxy(postern, false, &life), saves.token().to_owned());
    for connection in ["by-address", "by-name", "mapped"] {
        let refused = ask(&strict, connection).await.unwrap_err();
        assert_eq!(reason(&refused), "ADDRESS_REFUSED", "{connection}: {refused}");
        assert!(refused.message().contains("Postern itself"), "{refused}");
    }
    let allowing = User::new(&start_proxy(postern, true, &life), saves.token().to_owned());
    ask(&allowing, "by-address").await.unwrap();
    life.stop();
}
