//! What a start may choose.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use postern_identity::IssuerConfig;
use serde_json::Value;
use url::Url;

/// How to start.
pub struct Options {
    /// Folder that keeps the database, the keys and the logs; made if missing.
    pub state: PathBuf,
    /// Port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// Folder with the built console.
    pub console: PathBuf,
    /// A Postgres that runs already; `None` starts the embedded one.
    pub database_url: Option<String>,
    /// How people sign in; `None` lets anyone in under any name.
    pub sign_in: Option<SignIn>,
}

/// Sign-in by a real identity provider. Tokens of the development issuer are accepted too.
#[derive(Clone)]
pub struct SignIn {
    /// The console's `/config.json`.
    pub config: Value,
    /// The issuer, for the services.
    pub issuer: IssuerConfig,
}

impl SignIn {
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

    /// A folder that holds something else is not taken over: `--state ~` would scatter files over a home.
    fn refuse_foreign_folder(&self) -> Result<()> {
        let Ok(mut entries) = fs::read_dir(&self.state) else { return Ok(()) };
        let ours = ["lock", "postern.log"].iter().any(|name| self.state.join(name).exists());
        let foreign = entries.next().is_some() && !ours;
        ensure!(!foreign, "{} holds other files; name a new folder with --state", self.state.display());
        Ok(())
    }
}

/// What to say of a state folder that is not one, or is another's.
pub(crate) fn unusable(state: &Path) -> String {
    format!("the state folder {} cannot be used; move it away to start anew", state.display())
}
