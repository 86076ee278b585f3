//! Every service in one process, with an embedded Postgres: for development.
//!
//! Nothing is faked. The services use the same mutual TLS, with certificates of a development authority. The database
//! has the same roles and policies. Tokens are signed by a development issuer and verified with its key set, like those
//! of any other issuer.

mod database;
mod demo;
mod dev_routes;
mod dev_traces;
mod edge;
mod internal;
mod operator;
mod options;
mod state;

use anyhow::{Context, Result, bail};
use postern_chassis::Lifecycle;
use postern_devkit::postgres::Cluster;
use tokio::task::JoinSet;

use database::ControlDatabase;
pub use options::{EdgeAudiences, Options, SignIn};
pub use postern_proxy_service::PoolLimits;
use state::State;

/// Issuer (`iss`) of development tokens. It does not depend on the port, so that users keep their connections.
pub const ISSUER: &str = "postern-development";

/// A running Postern.
pub struct Stack {
    url: String,
    crypto_url: String,
    life: Lifecycle,
    tasks: JoinSet<Result<()>>,
    // Dropped last, because everything above uses it.
    _cluster: Option<Cluster>,
    _state: State,
}

impl Stack {
    /// Starts everything, and returns once it accepts requests.
    pub async fn start(options: Options, life: Lifecycle) -> Result<Self> {
        let state = State::open(&options.state)?;
        let listener = edge::bind(options.port).await?;
        let port = listener.local_addr()?.port();
        let database = ControlDatabase::start(&state, options.database_url.clone()).await?;
        let demo = demo::prepare(&state, &database).await?;

        let mut tasks = JoinSet::new();
        let issuers = internal::issuers(port, options.sign_in.as_ref())?;
        let crypto = internal::start_crypto(&state, issuers, &mut tasks, life.clone()).await?;
        operator::write_config(&state, &database, &crypto)?;
        let router = edge::router(&state, &options, &database, &crypto, demo, port, &life).await?;
        edge::start(listener, router, &mut tasks, life.clone())?;
        let url = format!("http://127.0.0.1:{port}");
        let crypto_url = crypto.url().to_owned();
        Ok(Self { url, crypto_url, life, tasks, _cluster: database.cluster, _state: state })
    }

    /// URL of the console, gRPC and gRPC-web.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// URL of crypto-service.
    pub fn crypto_url(&self) -> &str {
        &self.crypto_url
    }

    /// Runs until the lifecycle ends, then drains. If one service fails, all of them stop.
    pub async fn run(mut self) -> Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended.context("a service panicked").and_then(|result| result);
            if outcome.is_ok() {
                outcome = ended;
            }
            self.life.stop();
        }
        // Before the embedded server ends, and the process.
        postern_proxy_service::settle().await;
        outcome
    }
}

/// Fails with `message` unless the condition is true.
fn require(condition: bool, message: &str) -> Result<()> {
    if condition { Ok(()) } else { bail!("{message}") }
}
