//! Through Postern: each call of the table gives what it gives directly, and the key is on the server only.

use std::path::{Path, PathBuf};

use postern_rpc::connection::{
    AccessMode, ServingKey, SupabaseEndpoint, SupabaseService, UpsertConnectionRequest,
    upsert_connection_request::Endpoint,
};
use postern_testkit::{Postern, SupabaseProject, TenantServer, User};
use tokio::process::Command;

use crate::driver::{Driver, Run, Way, assert_same};

/// What supabase-js is given in place of a key.
const PLACEHOLDER: &str = "sb_publishable_the-key-stays-on-the-server";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_with_the_publishable_key_gives_what_it_gives_directly() {
    let stage = Stage::new("through-one").await;
    let key = stage.project.keys().publishable.clone();
    stage.save(ServingKey::Publishable, &key, true).await;
    stage.compare(&key, "rest,storage,functions,auth").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_with_the_secret_key_gives_what_it_gives_directly() {
    let stage = Stage::new("through-two").await;
    let key = stage.project.keys().secret.clone();
    stage.save(ServingKey::Secret, &key, false).await;
    stage.compare(&key, "rest,storage,functions").await;
}

struct Stage {
    project: SupabaseProject,
    user: User,
    driver: Driver,
    client: PathBuf,
}

impl Stage {
    async fn new(user: &str) -> Self {
        let project = SupabaseProject::start(TenantServer::shared().await).await;
        let user = Postern::shared().await.user(user);
        let driver = tokio::task::spawn_blocking(Driver::new).await.unwrap();
        Self { project, user, driver, client: built_client().await }
    }

    async fn save(&self, serving: ServingKey, key: &str, user_tokens: bool) {
        let endpoint = SupabaseEndpoint {
            url: self.project.url().clone(),
            serving_key: serving.into(),
            access_mode: AccessMode::ReadWrite.into(),
            services: [SupabaseService::Storage, SupabaseService::Functions, SupabaseService::Auth]
                .map(Into::into)
                .to_vec(),
            ca_pem: self.project.ca_pem().to_owned(),
            user_tokens,
            ..SupabaseEndpoint::default()
        };
        let (publishable_key, secret_key) = match serving {
            ServingKey::Secret => (None, Some(key.to_owned())),
            _ => (Some(key.to_owned()), None),
        };
        let request = UpsertConnectionRequest {
            name: "project".into(),
            endpoint: Some(Endpoint::Supabase(endpoint)),
            publishable_key,
            secret_key,
            ..UpsertConnectionRequest::default()
        };
        self.user.upsert(request).await.unwrap();
    }

    async fn compare(&self, key: &str, groups: &str) {
        let directly = self.run(key, groups, None).await;
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("driver/postern.ts");
        let through = self.run(PLACEHOLDER, groups, Some(&module)).await;
        assert_same(&directly, &through);
    }

    async fn run(&self, key: &str, groups: &str, fetch: Option<&Path>) -> Run {
        self.project.reset().await;
        let environment = [
            ("POSTERN_CLIENT", self.client.display().to_string()),
            ("POSTERN_URL", Postern::shared().await.url().to_owned()),
            ("POSTERN_TOKEN", self.user.token().to_owned()),
            ("POSTERN_CONNECTION", "project".to_owned()),
        ];
        let (url, ca) = (self.project.url().clone(), self.project.ca_file().clone());
        let way = Way { url, key, ca, groups, fetch };
        self.driver.run_with(&way, if fetch.is_some() { &environment } else { &[] }).await
    }
}

/// The client as it is published: built, with its dependencies beside it.
async fn built_client() -> PathBuf {
    static BUILT: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/console");
    let build = async || {
        let mut npm = Command::new("npm");
        npm.args(["run", "--silent", "build", "--workspace", "packages/client"]).current_dir(&console);
        let built = npm.output().await.unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    };
    BUILT.get_or_init(build).await;
    console.canonicalize().unwrap().join("packages/client/dist/index.js")
}
