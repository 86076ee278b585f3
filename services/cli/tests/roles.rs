//! `postern migrate --create-roles` on an empty database, for an administrator who is not a superuser.

use std::{fs, path::Path, process::Command};

use postern_store::{ConnectionStore, DenialStore, PoolOptions, ProxyStore, RewrapStore, roles::LOGIN_ROLES};
use postern_testkit::{TenantDatabase, TenantServer};

use crate::support::{PASSWORD, Run, postern};

/// A database on a server of its own, because roles belong to the server. Its owner may create roles.
struct Bare {
    _server: TenantServer,
    database: TenantDatabase,
    folder: tempfile::TempDir,
}

impl Bare {
    async fn new() -> Self {
        let server = TenantServer::start().await;
        let database = server.database(PASSWORD).await;
        database.as_admin(&format!("alter role {} createrole", database.name)).await;
        let bare = Self { _server: server, database, folder: tempfile::tempdir().unwrap() };
        for role in LOGIN_ROLES {
            // A character that a URL must escape.
            bare.write_url(role, &format!("{role}:pass%25word-of-{role}"));
        }
        bare
    }

    fn url(&self, user: &str) -> String {
        let TenantDatabase { name, .. } = &self.database;
        format!("postgres://{user}@127.0.0.1:{}/{name}?sslmode=disable", self.database.port())
    }

    fn url_file(&self, role: &str) -> std::path::PathBuf {
        self.folder.path().join(role)
    }

    fn write_url(&self, role: &str, user: &str) {
        fs::write(self.url_file(role), self.url(user)).unwrap();
    }

    /// `postern migrate` with a URL file for each role.
    fn migrate(&self, options: &[&str]) -> Command {
        let config = self.folder.path().join("postern.toml");
        let files = LOGIN_ROLES.map(|role| {
            let word = role.strip_prefix("postern_").unwrap();
            format!("{word}_url_file = '{}'\n", self.url_file(role).display())
        });
        fs::write(&config, format!("[database]\n{}", files.concat())).unwrap();
        let mut command = postern();
        command.arg("migrate").args(options).arg("--config").arg(config);
        command.env("POSTERN_ADMIN_DATABASE_URL", self.database.dsn(PASSWORD));
        command
    }

    async fn roles(&self) -> i64 {
        self.database.ask("select count(*) from pg_roles where rolname like 'postern%'").await
    }

    async fn services_start(&self) {
        let url = |role: &str| fs::read_to_string(self.url_file(role)).unwrap();
        ConnectionStore::connect(&url("postern_connection"), PoolOptions::default()).await.unwrap();
        ProxyStore::connect(&url("postern_proxy"), PoolOptions::default()).await.unwrap();
        DenialStore::connect(&url("postern_operator"), PoolOptions::default()).await.unwrap();
        RewrapStore::connect(&url("postern_rewrap"), PoolOptions::default()).await.unwrap();
    }
}

#[tokio::test]
async fn one_command_makes_a_database_ready() {
    let bare = Bare::new().await;
    Run::of(&mut bare.migrate(&[])).refused(3, "the control database failed");
    // Again, as with each upgrade.
    for _ in 0..2 {
        let run = Run::of(&mut bare.migrate(&["--create-roles", "--json"])).succeeded();
        assert_eq!(run.stderr, "");
        let done = run.json();
        assert_eq!(done["schema_version"], postern_store::SCHEMA_VERSION);
        assert_eq!(done["roles"].as_array().unwrap().len(), 5);
        assert!(done["roles"].as_array().unwrap().iter().all(|role| role["password_set"] == true));
        bare.services_start().await;
    }
    assert_eq!(bare.roles().await, 6);
    let mighty = "select count(*) from pg_roles where rolname like 'postern%' and (rolsuper or rolbypassrls or rolcreaterole)";
    assert_eq!(bare.database.ask(mighty).await, 0);
}

#[tokio::test]
async fn an_administrator_who_may_not_create_everything_creates_nothing() {
    let bare = Bare::new().await;
    let name = &bare.database.name;
    bare.database.as_admin(&format!("alter role {name} nocreaterole")).await;
    Run::of(&mut bare.migrate(&["--create-roles"])).refused(3, "the database's owner with CREATEROLE");
    assert_eq!(bare.roles().await, 0);

    bare.database.as_admin(&format!("alter role {name} createrole")).await;
    bare.database.as_admin(&format!("alter database {name} owner to postgres")).await;
    Run::of(&mut bare.migrate(&["--create-roles"])).refused(3, "sign in as its owner or as a superuser");
    assert_eq!(bare.roles().await, 0);
}

#[tokio::test]
async fn passwords_come_from_each_roles_own_url() {
    let bare = Bare::new().await;
    let refused = |user: &str, because: &str| {
        bare.write_url("postern_proxy", user);
        let run = Run::of(&mut bare.migrate(&["--create-roles"])).refused(2, because);
        assert!(!run.stderr.contains("secret-word"), "{}", run.stderr);
    };
    refused("postgres:secret-word", "the user in its URL must be postern_proxy");
    refused("postern_proxy", "has no password");
    fs::write(bare.url_file("postern_proxy"), "secret-word").unwrap();
    let run = Run::of(&mut bare.migrate(&["--create-roles"])).refused(2, "POSTERN_PROXY_DATABASE_URL");
    assert!(!run.stderr.contains("secret-word"), "{}", run.stderr);
    assert_eq!(bare.roles().await, 0);

    // A user name in the form that poolers expect, and a role without a URL file.
    bare.write_url("postern_proxy", "postern_proxy.project:pass-word");
    let mut command = bare.migrate(&["--create-roles", "--json"]);
    without_line(&bare.folder.path().join("postern.toml"), "rewrap_url_file");
    let run = Run::of(&mut command).succeeded();
    assert!(run.stderr.contains("no password was set for postern_rewrap;"), "{}", run.stderr);
    assert_eq!(run.json()["roles"][3]["password_set"], false);
    bare.write_url("postern_proxy", "postern_proxy:pass-word");
    let url = fs::read_to_string(bare.url_file("postern_proxy")).unwrap();
    ProxyStore::connect(&url, PoolOptions::default()).await.unwrap();
    let unset = "select count(*) from pg_authid where rolname = 'postern_rewrap' and rolpassword is null";
    assert_eq!(bare.database.ask(unset).await, 1);
}

#[tokio::test]
async fn a_migration_that_fails_after_the_roles_were_created_says_so() {
    let bare = Bare::new().await;
    fs::write(bare.url_file("postern_migrator"), "postgres://postern_migrator:x@127.0.0.1:1/x").unwrap();
    Run::of(&mut bare.migrate(&["--create-roles"]))
        .refused(4, "the roles were created, but the schema was not");
    assert_eq!(bare.roles().await, 6);
}

#[tokio::test]
async fn an_administrator_can_do_it_by_hand() {
    let bare = Bare::new().await;
    let printed = Run::of(&mut bare.migrate(&["--print-roles"])).succeeded();
    assert_eq!(bare.roles().await, 0);
    for _ in 0..2 {
        bare.database.as_owner(PASSWORD, &printed.stdout).await;
    }
    for role in LOGIN_ROLES {
        bare.database.as_owner(PASSWORD, &format!("alter role {role} password 'pass%word-of-{role}'")).await;
    }
    Run::of(&mut bare.migrate(&[])).succeeded();
    bare.services_start().await;
}

fn without_line(path: &Path, start: &str) {
    let text = fs::read_to_string(path).unwrap();
    let kept: Vec<_> = text.lines().filter(|line| !line.starts_with(start)).collect();
    fs::write(path, kept.join("\n")).unwrap();
}
