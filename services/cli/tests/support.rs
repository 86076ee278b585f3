//! The program, run as a child process, and a Postern for it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use postern_testkit::{Postern, TenantDatabase, TenantServer, User};
use serde_json::Value;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

/// The password of every tenant.
pub(crate) const PASSWORD: &str = "tenant-password";

/// The program with nothing configured: no terminal, nothing from the environment.
pub(crate) fn postern() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.env_remove("POSTERN_CONFIG");
    for role in ["ADMIN", "MIGRATOR", "CONNECTION", "PROXY", "REWRAP", "OPERATOR"] {
        command.env_remove(format!("POSTERN_{role}_DATABASE_URL"));
    }
    command.stdin(Stdio::null());
    command
}

/// The result of a run.
pub(crate) struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Asserts the exit code, an empty stdout, and a stderr that contains this.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, because: &str) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        assert!(self.stderr.contains(because), "{}", self.stderr);
        self
    }
}

/// A Postern for one test, because a rotation affects all of it.
pub(crate) struct Stage {
    pub postern: Postern,
    tenant: TenantDatabase,
    superuser: tokio::sync::Mutex<PgConnection>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let postern = Postern::start(None).await;
        let tenant = TenantServer::shared().await.database(PASSWORD).await;
        let superuser =
            PgConnectOptions::from_str(&postern.superuser_url()).unwrap().connect().await.unwrap();
        Self { postern, tenant, superuser: superuser.into() }
    }

    /// The operator's configuration of this Postern.
    pub(crate) fn config(&self) -> PathBuf {
        self.postern.state().join("postern.toml")
    }

    /// The program, as this Postern's operator.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = postern();
        command.arg("--config").arg(self.config()).args(arguments);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// Stages and promotes a new key.
    pub(crate) fn rotate(&self) {
        let id = self.run(&["keyring", "stage", "--json"]).succeeded().json()["key_id"].to_string();
        self.run(&["keyring", "promote", &id, "--wait"]).succeeded();
    }

    /// A user with this many connections, `c-0` and on. They were never used, so their first use opens the seal.
    pub(crate) async fn user_with(&self, name: &str, connections: usize) -> User {
        let user = self.postern.user(name);
        for number in 0..connections {
            user.save(&format!("c-{number}"), self.tenant.dsn(PASSWORD)).await.unwrap();
        }
        user
    }

    /// Runs a statement as a superuser, to whom row level security does not apply.
    pub(crate) async fn as_superuser(&self, sql: &'static str) {
        sqlx::query(sql).execute(&mut *self.superuser.lock().await).await.unwrap();
    }

    /// All connections with their secrets, as text.
    pub(crate) async fn rows(&self) -> Vec<String> {
        let rows = sqlx::query_scalar(
            "select c::text || s::text from postern.connections c join postern.secrets s on s.connection_id = c.id order by id",
        );
        rows.fetch_all(&mut *self.superuser.lock().await).await.unwrap()
    }

    /// Waits until the server has ended every session of `postern_rewrap`, and with it the statement it was executing.
    pub(crate) async fn rewrap_sessions_have_ended(&self) {
        let mut superuser = self.superuser.lock().await;
        let sessions = "select count(*) from pg_stat_activity where usename = 'postern_rewrap'";
        let deadline = Instant::now() + Duration::from_secs(20);
        while sqlx::query_scalar::<_, i64>(sessions).fetch_one(&mut *superuser).await.unwrap() > 0 {
            assert!(Instant::now() < deadline, "a session of postern_rewrap does not end");
        }
    }

    /// Advisory locks in the control database.
    pub(crate) async fn advisory_locks(&self) -> i64 {
        let count = sqlx::query_scalar(
            "select count(*) from pg_locks l join pg_database d on d.oid = l.database
              where l.locktype = 'advisory' and d.datname = current_database()",
        );
        count.fetch_one(&mut *self.superuser.lock().await).await.unwrap()
    }

    /// Seals under a key, counted by other means than the program's.
    pub(crate) async fn seals_under(&self, key: u8) -> i64 {
        let count = sqlx::query_scalar(
            "select count(*) from postern.secrets
              where encode(sealed, 'hex') like encode('PSL1', 'hex') || '000000' || lpad(to_hex($1), 2, '0') || '%'",
        );
        count.bind(i32::from(key)).fetch_one(&mut *self.superuser.lock().await).await.unwrap()
    }
}

/// Queries each of the user's connections.
pub(crate) async fn use_all(user: &User, connections: usize) {
    for number in 0..connections {
        user.query(&format!("c-{number}"), "select 1").await.unwrap();
    }
}

/// Writes a copy of a configuration with some text in it replaced.
pub(crate) fn changed(config: &Path, from: &str, to: &str, copy: &Path) {
    let text = std::fs::read_to_string(config).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(copy, text.replace(from, to)).unwrap();
}
