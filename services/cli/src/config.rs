//! The command line's configuration.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use postern_chassis::config::CryptoClientConfig;
use serde::{Deserialize, de::DeserializeOwned};

use crate::failure::{Exit, Failure};

/// The TOML file. Each part is needed by some commands only.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// crypto-service, and an operator's certificate.
    pub crypto: Option<CryptoClientConfig>,
    /// The control database.
    #[serde(default)]
    pub database: DatabaseConfig,
}

/// Files with the control database's URL, one for each role.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// For `postern_migrator`.
    pub migrator_url_file: Option<PathBuf>,
    /// For `postern_rewrap`.
    pub rewrap_url_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file. Without one, what is needed must come from the environment.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        path.map_or_else(|| Ok(Self::default()), read)
    }

    /// How to reach crypto-service.
    pub(crate) fn crypto(&self) -> Result<&CryptoClientConfig, Failure> {
        let missing = "crypto is missing in the configuration; name the file with --config or POSTERN_CONFIG";
        self.crypto.as_ref().ok_or_else(|| Failure::new(Exit::Usage, missing))
    }

    /// The control database's URL for `postern_migrator`.
    pub(crate) fn migrator_url(&self) -> Result<String, Failure> {
        let url = url("POSTERN_MIGRATOR_DATABASE_URL", self.database.migrator_url_file.as_deref())?;
        url.ok_or_else(|| no_url("migrator_url_file", "POSTERN_MIGRATOR_DATABASE_URL"))
    }

    /// The control database's URL for `postern_rewrap`; `None` if none is configured.
    pub(crate) fn rewrap_url(&self) -> Result<Option<String>, Failure> {
        url("POSTERN_REWRAP_DATABASE_URL", self.database.rewrap_url_file.as_deref())
    }
}

/// A configuration; an unknown key is an error.
pub(crate) fn read<C: DeserializeOwned>(path: &Path) -> Result<C, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// The environment goes before the file.
fn url(variable: &str, file: Option<&Path>) -> Result<Option<String>, Failure> {
    if let Ok(url) = env::var(variable) {
        return Ok(Some(url));
    }
    let Some(file) = file else { return Ok(None) };
    let read = fs::read_to_string(file);
    let url = read.map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", file.display())))?;
    Ok(Some(url.trim().to_owned()))
}

/// Neither the file nor the variable is there.
pub(crate) fn no_url(key: &str, variable: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("database.{key} is missing in the configuration, and {variable} is not set"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_and_a_typing_mistake_is_not() {
        let example = include_str!("../../../deploy/config/postern.toml");
        assert!(toml::from_str::<Config>(example).unwrap().crypto.is_some());
        let mistyped = example.replacen("rewrap_url_file", "rewrap_file", 1);
        assert!(toml::from_str::<Config>(&mistyped).is_err());
    }
}
