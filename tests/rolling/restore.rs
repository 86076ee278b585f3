//! Ring, root and database are backed up and restored together, by the commands of `deploy/README.md`.

use std::{fs, path::Path, process::Command};

use postern_testkit::{TenantDatabase, TenantServer, User, reason};
use tempfile::TempDir;
use tonic::Status;

use crate::{
    installation::{Installation, binaries, run, try_run, url_of},
    replica::Replica,
};

/// An installation with a replica of each service.
struct Running {
    installation: Installation,
    crypto: Replica,
    connection: Replica,
    proxy: Replica,
}

impl Running {
    /// Starts the services of an installation that has a ring and a schema.
    async fn start(installation: Installation, crypto: Replica) -> Self {
        let url = url_of(&[&crypto]);
        let (connection, proxy) =
            (installation.connection("connection", &url), installation.proxy("proxy", &url));
        let mut running = Self { installation, crypto, connection, proxy };
        for replica in [&mut running.crypto, &mut running.connection, &mut running.proxy] {
            replica.start().await;
        }
        running
    }

    async fn new() -> Self {
        let installation = Installation::new().await;
        let crypto = installation.crypto("crypto");
        installation.configure_operator(&url_of(&[&crypto]));
        installation.initialize(&crypto).await;
        Self::start(installation, crypto).await
    }

    async fn save(&self, name: &str, tenant: &TenantDatabase) {
        self.user(&self.connection).save(name, tenant.dsn("secret")).await.unwrap();
    }

    /// The user's statement on a connection, which opens its secret when there is no session yet.
    async fn query(&self, name: &str) -> Result<(), Status> {
        self.user(&self.proxy).query(name, "select 1").await.map(drop)
    }

    fn user(&self, service: &Replica) -> User {
        self.installation.user("ada", &format!("http://127.0.0.1:{}", service.port))
    }

    async fn postern(&self, arguments: &[&str]) {
        run(self.installation.postern(arguments)).await;
    }

    /// A dump of the control database, and then copies of ring and root.
    async fn back_up(&self) -> TempDir {
        let backup = tempfile::tempdir().unwrap();
        let mut dump = Command::new(binaries().program("pg_dump"));
        dump.args(["--format=custom", "--schema=postern", "--file"]).arg(backup.path().join("postern.dump"));
        run(with_url(dump, &self.installation.admin_url())).await;
        for (from, to) in [("ring/keyring.json", "keyring.json"), ("root/root.key", "root.key")] {
            fs::copy(self.installation.path(from), backup.path().join(to)).unwrap();
        }
        backup
    }

    async fn destroy(mut self) {
        for replica in [&mut self.proxy, &mut self.connection, &mut self.crypto] {
            replica.stop().await;
        }
    }
}

/// Restores a dump with a ring and a root in a new place: another database server, other passwords and certificates.
async fn restore(dump: &Path, keys: &Path) -> Running {
    let installation = Installation::new().await;
    for (from, to) in [("keyring.json", "ring/keyring.json"), ("root.key", "root/root.key")] {
        // A copy keeps the mode.
        fs::copy(keys.join(from), installation.path(to)).unwrap();
    }
    let crypto = installation.crypto("crypto");
    installation.configure_operator(&url_of(&[&crypto]));
    run(installation.postern(&["migrate", "--create-roles"])).await;
    let mut command = Command::new(binaries().program("pg_restore"));
    command.args(["--clean", "--if-exists", "--single-transaction", "--exit-on-error"]);
    command.arg(format!("--dbname={}", installation.admin_url())).arg(dump.join("postern.dump"));
    run(command).await;
    run(installation.postern(&["migrate"])).await;
    Running::start(installation, crypto).await
}

fn with_url(mut command: Command, url: &str) -> Command {
    command.arg(url);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_backed_up_opens_in_a_new_place_and_what_was_destroyed_does_not() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let running = Running::new().await;
    running.save("early", &tenant).await;
    running.query("early").await.unwrap();
    let before = running.back_up().await;

    running.postern(&["keyring", "stage"]).await;
    running.postern(&["keyring", "promote", "2", "--wait"]).await;
    running.postern(&["rewrap"]).await;
    running.postern(&["keyring", "disable", "1"]).await;
    running.postern(&["keyring", "destroy", "1", "--yes"]).await;
    running.save("late", &tenant).await;
    let after = running.back_up().await;
    running.destroy().await;

    // Database, ring and root of one backup belong together.
    let restored = restore(after.path(), after.path()).await;
    restored.query("early").await.unwrap();
    restored.query("late").await.unwrap();
    restored.save("restored", &tenant).await;
    restored.query("restored").await.unwrap();
    restored.postern(&["doctor"]).await;
    restored.destroy().await;

    // A dump from before the rewrap holds seals under the destroyed key, which the ring has no more.
    let restored = restore(before.path(), after.path()).await;
    assert_eq!(reason(&restored.query("early").await.unwrap_err()), "SEAL_BROKEN");
    let doctor = try_run(restored.installation.postern(&["doctor"])).await;
    assert_eq!(doctor.unwrap_err().0, Some(1), "the doctor sees that seals cannot be opened");
    restored.save("early", &tenant).await;
    restored.query("early").await.unwrap();
    restored.destroy().await;

    // A copy of the ring from before `destroy` still has the key: it is a backup of it.
    let restored = restore(before.path(), before.path()).await;
    restored.query("early").await.unwrap();
    restored.destroy().await;
}
