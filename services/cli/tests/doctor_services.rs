//! `postern doctor` looks at services: what they answer, and what their files hold.

use std::{
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::PathBuf,
};

use postern_chassis::{Lifecycle, config};
use postern_crypto_service::Config;
use rustix::process::{getegid, geteuid};

use crate::{
    doctor::found,
    support::{Run, Stage, postern},
};

/// A crypto-service beside the one of the stage, on the same ring, with an operations listener.
struct Observed {
    stage: Stage,
    config: PathBuf,
    listener: String,
    life: Lifecycle,
}

impl Observed {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let ops = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let files = stage.postern.certificate("crypto-service");
        let keys = stage.postern.state().join("keys");
        let config = stage.postern.state().join("crypto-service.toml");
        let text = format!(
            "listen = '127.0.0.1:1'\n[ops]\nlisten = '{ops}'\n\
             [tls]\ncertificate = '{}'\nkey = '{}'\nca = '{}'\n\
             [keyring]\nfile = '{}'\nreplica = 'observed'\n[keyring.root]\nkind = 'file'\npath = '{}'\n\
             [[issuers]]\nissuer = 'postern-development'\naudience = 'postern'\njwks_url = '{}/dev/jwks.json'\n\
             [egress]\nallow_loopback = true\nany_port = true\n",
            files.certificate.display(),
            files.key.display(),
            files.ca.display(),
            keys.join(postern_keyring::embedded::RING_FILE).display(),
            keys.join(postern_keyring::embedded::ROOT_FILE).display(),
            stage.postern.url(),
        );
        fs::write(&config, text).unwrap();
        Self { stage, config, listener: format!("http://{ops}"), life: Lifecycle::default() }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.config).unwrap()
    }

    /// Starts the service with its configuration as it is now, and waits for its operations listener.
    async fn serve(&self) {
        let config = config::parse::<Config>(&self.text()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        tokio::spawn(postern_crypto_service::serve(config, listener, self.life.clone()));
        while postern_chassis::observe::get(&self.listener, "/livez").await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until `/readyz` answers this.
    async fn until_ready(&self, status: u16) {
        while postern_chassis::observe::get(&self.listener, "/readyz").await.unwrap().0 != status {
            tokio::task::yield_now().await;
        }
    }

    /// `doctor`, told of the service. Runs elsewhere, since the service needs this thread.
    async fn doctor(&self) -> Run {
        let own = self.stage.postern.state().join("doctor.toml");
        let stages = fs::read_to_string(self.stage.config()).unwrap();
        let text = format!(
            "{stages}[doctor]\nlisteners = ['{}']\nconfigs = ['{}']\n",
            self.listener,
            self.config.display()
        );
        fs::write(&own, text).unwrap();
        let run = move || Run::of(postern().args(["doctor", "--json", "--config"]).arg(&own));
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Writes the service's configuration anew, with some text replaced.
    fn change(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "{text}");
        fs::write(&self.config, text.replace(from, to)).unwrap();
    }
}

#[tokio::test]
async fn a_service_is_asked_how_it_is_and_its_files_are_checked() {
    let observed = Observed::new().await;
    observed.serve().await;
    observed.until_ready(200).await;
    let run = observed.doctor().await;
    let (listener, config) = (&observed.listener, observed.config.display());
    found(&run, 0, "service", &format!("ok: {listener} is ready"));
    found(&run, 0, "certificate", &format!("ok: {listener}: the one in use, and valid for "));
    found(&run, 0, "issuers", &format!("ok: {listener} has the key set of postern-development"));
    found(&run, 0, "issuers", &format!("ok: {config}: the key set of postern-development can be fetched"));
    let ring = observed.stage.postern.state().join("keys").join(postern_keyring::embedded::RING_FILE);
    found(&run, 0, "ring file", &format!("ok: {}: revision 1, wrapped by the root 'file'", ring.display()));
    let key = observed.stage.postern.certificate("crypto-service");
    found(&run, 0, "certificate", &format!("ok: {} is for crypto-service", key.certificate.display()));

    // What the service uses stays as it is; its files have changed.
    observed.change("/dev/jwks.json", "/dev/no-such.json");
    let cannot = format!("fail: {config}: the key set of postern-development cannot be fetched: ");
    found(&observed.doctor().await, 1, "issuers", &cannot);
    observed.change("allow_loopback = true", "");
    let run = observed.doctor().await;
    found(&run, 1, "issuers", &format!("{cannot}{}", observed.stage.postern.url()));
    assert!(run.stdout.contains("allow in [egress]"), "{}", run.stdout);
    let whole = fs::read(&ring).unwrap();
    fs::write(&ring, &whole[..whole.len() / 2]).unwrap();
    found(&observed.doctor().await, 1, "ring file", &format!("fail: {}: ", ring.display()));
    fs::write(&ring, whole).unwrap();
    // The ring is fine: what helps is what the error itself says.
    let root = ring.with_file_name(postern_keyring::embedded::ROOT_FILE);
    fs::set_permissions(&root, Permissions::from_mode(0o644)).unwrap();
    let run = observed.doctor().await;
    found(&run, 1, "ring file", &format!("fail: {}: the root key {}", ring.display(), root.display()));
    assert!(run.stdout.contains("chmod 600") && !run.stdout.contains("Restore it"), "{}", run.stdout);
    observed.life.stop();
}

#[tokio::test]
async fn a_service_that_waits_or_is_not_there_fails_the_check() {
    let observed = Observed::new().await;
    let run = observed.doctor().await;
    found(&run, 1, "service", &format!("fail: {}: it cannot be reached", observed.listener));

    observed.change("/dev/jwks.json", "/dev/no-such.json");
    observed.serve().await;
    observed.until_ready(503).await;
    let waits = format!("fail: {} is not ready: ", observed.listener);
    let run = observed.doctor().await;
    found(&run, 1, "service", &waits);
    assert!(run.stdout.contains("it waits for issuers"), "{}", run.stdout);
    observed.life.stop();
}

#[tokio::test]
async fn a_mounted_secret_may_be_read_through_the_pods_group_and_an_own_file_may_not() {
    let stage = Stage::new().await;
    let key = stage.postern.certificate("operator").key;
    fs::set_permissions(&key, Permissions::from_mode(0o440)).unwrap();
    let found_as = |state: &str| {
        let run = stage.run(&["doctor", "--json"]);
        found(&run, 0, "secret file", &format!("{state}: {}", key.display()));
    };
    found_as("warn");
    // Only root can give a file to another user, as a kubelet does.
    if geteuid().is_root() {
        chown(&key, Some(65_534), Some(getegid().as_raw())).unwrap();
        found_as("ok");
        fs::set_permissions(&key, Permissions::from_mode(0o444)).unwrap();
        found_as("warn");
    }
}
