//! Through Postern: each call of the table gives what it gives directly, and the key is on the server only.

use std::path::{Path, PathBuf};

use postern_rpc::connection::{ServingKey, SupabaseEndpoint};
use postern_testkit::Postern;
use tokio::process::Command;

use crate::{
    caller::{Caller, PROJECT},
    driver::{ALL, Driver, Run, Way, assert_same},
};

/// What supabase-js is given in place of a key.
const PLACEHOLDER: &str = "sb_publishable_the-key-stays-on-the-server";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_with_the_publishable_key_gives_what_it_gives_directly() {
    let stage = Stage::new("through-one").await;
    let endpoint = SupabaseEndpoint { user_tokens: true, ..stage.endpoint(ServingKey::Publishable) };
    let key = stage.save(endpoint).await;
    stage.compare(&key, ALL, Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_with_the_secret_key_gives_what_it_gives_directly() {
    let stage = Stage::new("through-two").await;
    let key = stage.save(stage.endpoint(ServingKey::Secret)).await;
    stage.compare(&key, "rest,storage,functions", Settings::default()).await;
}

/// supabase-js names a schema with every request: `public`, unless the app sets another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connections_schema_takes_the_place_of_the_one_that_supabase_js_is_set_to() {
    let stage = Stage::new("through-three").await;
    let endpoint = SupabaseEndpoint { schema: "warehouse".into(), ..stage.endpoint(ServingKey::Publishable) };
    let key = stage.save(endpoint).await;
    stage.compare(&key, "schema", Settings { schema: Some("warehouse") }).await;
}

struct Stage {
    caller: Caller,
    driver: Driver,
    client: PathBuf,
}

/// How one way of the comparison differs from the other, besides its key.
#[derive(Default)]
struct Settings {
    /// supabase-js's own setting of the schema.
    schema: Option<&'static str>,
}

impl Stage {
    async fn new(user: &str) -> Self {
        let driver = tokio::task::spawn_blocking(Driver::new).await.unwrap();
        Self { caller: Caller::new(user).await, driver, client: built_client().await }
    }

    /// Saves the project, with its keys and settings, and returns the key that serves.
    async fn save(&self, endpoint: SupabaseEndpoint) -> String {
        let keys = self.caller.project.keys();
        let serving = endpoint.serving_key();
        self.caller.save(endpoint).await;
        if serving == ServingKey::Secret { keys.secret.clone() } else { keys.publishable.clone() }
    }

    fn endpoint(&self, serving: ServingKey) -> SupabaseEndpoint {
        self.caller.endpoint(serving)
    }

    async fn compare(&self, key: &str, groups: &str, direct: Settings) {
        let directly = self.run(key, groups, None, direct).await;
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("driver/postern.ts");
        let through = self.run(PLACEHOLDER, groups, Some(&module), Settings::default()).await;
        assert_same(&directly, &through);
    }

    async fn run(&self, key: &str, groups: &str, fetch: Option<&Path>, settings: Settings) -> Run {
        let project = &self.caller.project;
        project.reset().await;
        let mut environment = Vec::new();
        if fetch.is_some() {
            environment.extend([
                ("POSTERN_CLIENT", self.client.display().to_string()),
                ("POSTERN_URL", Postern::shared().await.url().to_owned()),
                ("POSTERN_TOKEN", self.caller.user.token().to_owned()),
                ("POSTERN_CONNECTION", PROJECT.to_owned()),
            ]);
        }
        environment.extend(settings.schema.map(|schema| ("SUPABASE_SCHEMA", schema.to_owned())));
        let way = Way { url: project.url(), key, ca: project.ca_file(), groups, fetch };
        self.driver.run_with(&way, &environment).await
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
