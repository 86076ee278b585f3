//! Options of the development server.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use postern_chassis::trace::recent::Recent;
use postern_identity::IssuerConfig;
use postern_proxy_service::PoolLimits;
use serde_json::Value;
use url::Url;

/// The options.
pub struct Options {
    /// Folder for the database, the keys and the logs. Created if missing.
    pub state: PathBuf,
    /// Port on 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// Folder with the built console.
    pub console: PathBuf,
    /// URL of a running Postgres; `None` to start the embedded one.
    pub database_url: Option<String>,
    /// How many sessions with tenants' servers are kept.
    pub pools: PoolLimits,
    /// The last spans, for the page that shows them; `None` keeps none.
    pub recent: Option<Recent>,
    /// How people sign in; `None` lets anyone in under any name.
    pub sign_in: Option<SignIn>,
}

/// Sign-in by a real identity provider. Tokens of the development issuer are accepted too.
#[derive(Clone)]
pub struct SignIn {
    /// The console's `/config.json`.
    pub config: Value,
    /// The issuer, for the services. Its audiences are those that crypto-service accepts.
    pub issuer: IssuerConfig,
    /// Set if the issuer has an audience for each service that users call.
    pub audiences: Option<EdgeAudiences>,
}

/// The one audience that each service accepts at the edge, so that a token for one of them is of no use at the other.
#[derive(Clone)]
pub struct EdgeAudiences {
    /// Of connection-service.
    pub connection: String,
    /// Of proxy-service.
    pub proxy: String,
}

impl SignIn {
    /// The same issuer for a service that accepts one audience.
    pub(crate) fn for_audience(&self, audience: &str) -> Self {
        let issuer = IssuerConfig { audience: vec![audience.to_owned()], ..self.issuer.clone() };
        Self { issuer, ..self.clone() }
    }

    /// The origin that the console's page must be allowed to call, for its content security policy.
    pub(crate) fn origin(&self) -> Option<String> {
        let method = &self.config["signIn"];
        let url = method["authority"].as_str().or_else(|| method["url"].as_str())?;
        Some(Url::parse(url).ok()?.origin().ascii_serialization())
    }
}

impl Options {
    /// The log of this state folder, opened to append.
    pub fn log_file(&self) -> Result<File> {
        let broken = || unusable(&self.state);
        self.refuse_foreign_folder()?;
        fs::create_dir_all(&self.state).with_context(broken)?;
        let path = self.state.join("postern.log");
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).with_context(broken)
    }

    /// Refuses a folder with other files, so that `--state ~` does not scatter files in a home folder.
    fn refuse_foreign_folder(&self) -> Result<()> {
        let Ok(mut entries) = fs::read_dir(&self.state) else { return Ok(()) };
        let ours = ["lock", "postern.log"].iter().any(|name| self.state.join(name).exists());
        let foreign = entries.next().is_some() && !ours;
        ensure!(!foreign, "{} contains other files; choose a new folder with --state", self.state.display());
        Ok(())
    }
}

/// The error for a state folder that cannot be used.
pub(crate) fn unusable(state: &Path) -> String {
    format!("the state folder {} cannot be used; move it away to start anew", state.display())
}
